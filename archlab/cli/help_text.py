"""The help of a command: options in groups, summaries in full, and examples one to a line, to be copied.

click does all else. A command is made by ``command``, an option by ``in_group``; what is made by click itself stands
under "Other options".
"""

from __future__ import annotations

import copy
import functools
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

OTHERS = "Other options"
_INDENT = 2


_NUMBERS = {type(click.INT): "whole number", type(click.FLOAT): "number"}
"""What is said of a word that should be one: click's own says that it is no valid integer range."""


class _Formatter(click.HelpFormatter):
    """Writes headings in bold, of which click leaves nothing where the help does not go to a terminal."""

    def write_heading(self, heading: str) -> None:
        super().write_heading(heading if os.environ.get("NO_COLOR") else click.style(heading, bold=True))


class _Context(click.Context):
    formatter_class = _Formatter


class Option(click.Option):
    """An option of a group of its command's help; a number is called N."""

    def __init__(self, *args: Any, group: str = OTHERS, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        names = [said for kind, said in _NUMBERS.items() if isinstance(self.type, kind)]
        if names:
            self.type = copy.copy(self.type)
            self.type.name = names[0]
            self.metavar = self.metavar or "N"


def in_group(title: str) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """Return ``click.option`` for the options that stand under ``title``."""
    return functools.partial(click.option, cls=Option, group=title)


class Command(click.Command):
    """A command with groups of options, examples and exit codes in its help.

    Args:
        examples: whole commands, each as it would be typed on one line.
        notes: what else there is to say, a paragraph each.
        exit_codes: what the command's own exit codes mean.
    """

    context_class = _Context

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        notes: Sequence[str] = (),
        exit_codes: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples, self.notes, self.exit_codes = tuple(examples), tuple(notes), dict(exit_codes or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group in the order of the command's text; those without one come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                groups.setdefault(getattr(param, "group", OTHERS), []).append(record)
        others = groups.pop(OTHERS, [])
        for title, records in (*groups.items(), (OTHERS if groups else "Options", others)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=26)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, notes and exit codes."""
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                for example in self.examples:
                    for line in folded(example, formatter.width - _INDENT):
                        formatter.write(f"{'':{_INDENT}}{line}\n")
        for note in self.notes:
            formatter.write_paragraph()
            formatter.write_text(note)
        if self.exit_codes:
            with formatter.section("Exit codes"):
                formatter.write_dl(list(self.exit_codes.items()))
        super().format_epilog(ctx, formatter)


class Group(Command, click.Group):
    """A command of commands, which its help lists in sections, each with its whole first sentence.

    Attributes:
        sections: names of commands by the heading that they stand under; the others come last.
    """

    command_class = Command

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]] | None = None, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.sections = dict(sections or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and then the options."""
        self.format_commands(ctx, formatter)
        Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, section by section."""
        placed = {name for names in self.sections.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in placed]
        widest = max(map(len, self.commands))
        for title, names in (*self.sections.items(), ("Other commands" if placed else "Commands", others)):
            rows = [(f"{name:{widest}}", self.commands[name].get_short_help_str(10_000)) for name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def command(name: str | None = None, **attributes: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return a decorator that makes a function a ``Command``, as ``click.command`` does."""
    return click.command(name, cls=Command, **attributes)


def group(**attributes: Any) -> Callable[[Callable[..., Any]], Group]:
    """Return a decorator that makes a function a ``Group``, as ``click.group`` does."""
    return click.group(cls=Group, **attributes)


def folded(example: str, width: int) -> list[str]:
    """Return a command in lines that a shell reads as one, each of ``width`` characters or fewer where words allow it.

    >>> folded("archlab show resnet50 --by block", 24)
    ['archlab show resnet50 \\\\', '    --by block']
    """
    lines, line = [], ""
    for word in _pieces(example):
        if line and len(line) + 1 + len(word) > width - 2 and len(example) > width:
            lines.append(f"{line} \\")
            line = f"    {word}"
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _pieces(example: str) -> list[str]:
    """Return the words of a command, an option together with its value."""
    pieces: list[str] = []
    for word in shlex.split(example):
        quoted = shlex.quote(word)
        if pieces and pieces[-1].startswith("-") and " " not in pieces[-1] and not word.startswith("-"):
            pieces[-1] += f" {quoted}"
        else:
            pieces.append(quoted)
    return pieces
