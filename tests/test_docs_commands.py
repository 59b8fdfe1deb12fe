"""The commands of the pages: those in blocks marked ``run`` are run, and all others have options that there are."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from archlab.cli.main import cli
from tests.pages import ROOT, blocks, commands, page, run, write_files

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "examples/*/*.md", "reports/*.md")
    for path in ROOT.glob(pattern)
)
WHY_NOT = {
    "yours": "it needs images, weights, models or studies of the reader's",
    "minutes": "it takes minutes",
    "server": "it needs a database server",
    "setup": "it changes the machine or the clone",
}
"""The words behind ``sh`` of blocks whose commands are not run; those of the README are run by its own test."""

RUN = [name for name in PAGES if commands(page(name), "run")]


def test_there_are_pages_whose_commands_are_run():
    assert [
        f"docs/{name}.md" for name in ("audit", "commands", "completion", "detectors", "lift", "searching", "what_if")
    ] == RUN
    assert sum(len(commands(page(name), "run")) for name in RUN) >= 47


@pytest.mark.parametrize("name", [name for name in PAGES if name != "README.md"])
def test_every_block_of_commands_is_run_or_says_why_not(name):
    marks = [block.word for block in blocks(page(name)) if block.language in ("sh", "bash", "shell")]
    assert [mark for mark in marks if mark != "run" and mark not in WHY_NOT] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_every_command_runs_in_the_order_of_the_page(name, tmp_path):
    for source in ("README.md", name):
        write_files(page(source), tmp_path)
    for command in commands(page(name), "run"):
        if command.startswith("archlab diff "):
            command += " || [ $? = 1 ]"  # they differ
        run(["env", f"HOME={tmp_path}", "bash", "-c", command], tmp_path)


def test_the_error_on_the_page_of_the_language_is_the_one_that_is_raised():
    import archlab

    (shown,) = [block.body for block in blocks(page("docs/language.md")) if block.language == "text"]
    text = "net my(input=3x96x96)\nstem: conv(32, 3, s=2)\nbody: each([2..4], group(100, g=32))\nhead: gap -> fc(10)\n"
    with pytest.raises(archlab.ElaborationError) as error:
        archlab.elaborate(archlab.parse(text, "my.arch"))
    assert str(error.value) == shown.rstrip("\n")


def written(name: str) -> list[str]:
    """Return each `archlab` command of a page's blocks."""
    text = page(name)
    words = {block.word for block in blocks(text) if block.language == "sh"}
    found = [command for word in sorted(words) for command in commands(text, word)]
    shown = "\n".join(block.body for block in blocks(text) if block.language == "console").replace("\\\n", " ")
    return [c for c in (*found, *re.findall(r"^\$ (.*)$", shown, re.M)) if c.startswith("archlab ")]


def parse_only(command: str) -> None:
    """Read a command's words as click does, without looking at files and values.

    Raises:
        click.UsageError: there is no such command or option, or a value is missing.
    """
    words = shlex.split(command)[1:]
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group):
        name = words.pop(0)
        found = group.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command {name}")
        group = found
    group.make_parser(click.Context(group)).parse_args(words)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_on_a_page_has_options_that_there_are(name):
    for command in written(name):
        try:
            parse_only(command)
        except click.UsageError as error:
            pytest.fail(f"{name}: {command}: {error.format_message()}")


@pytest.mark.parametrize(
    "command", ["archlab serach mobile", "archlab show resnet50 --bye stage", "archlab search m -b"]
)
def test_a_command_that_there_is_not_is_found(command):
    with pytest.raises(click.UsageError):
        parse_only(command)
