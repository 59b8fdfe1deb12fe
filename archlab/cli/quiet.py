"""The option of every command that says what it is doing: ``--quiet``, with which it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from archlab.cli.help_text import in_group

_KEY = "archlab.quiet"


def quiet_option(title: str = "Output") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option, in the group ``title``; commands need no parameter for it."""
    return in_group(title)(
        "--quiet", "-q", is_flag=True, expose_value=False, callback=_remember,
        help="Show no progress; errors, notes and results are as ever.",
    )  # fmt: skip


def is_quiet() -> bool:
    """Return whether the command that runs was asked to show no progress."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_KEY, False))


def _remember(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[_KEY] = value
