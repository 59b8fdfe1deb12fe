"""The help of every command: whole, in groups, no wider than 80 columns, and with examples that are commands."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from archlab.cli import progress
from archlab.cli.help_text import OTHERS, Command, command, folded, in_group
from archlab.cli.main import cli
from tests.cli.command_line import ENVIRONMENT, archlab
from tests.waiting import DEADLINE

QUICK = (
    "archlab spaces",
    "archlab spaces --json",
    "archlab show mobilenet_v2",
    "archlab show resnet50",
    "archlab show mobilenet_v1 --set width_mult=0.5 --by block",
    "archlab show my.arch --json",
    "archlab diff resnet50 resnext50_32x4d",
    "archlab diff old.arch new.arch --html diff.html",
    "archlab export my.arch --to arch",
    "archlab rewrite vgg16_5x5 --rule factorise5x5",
    "archlab report roi --out roi.html",
)


def all_commands(group: click.Group = cli, name: str = "archlab") -> Iterator[tuple[str, Command]]:
    yield name, group  # type: ignore[misc]
    for part, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from all_commands(found, f"{name} {part}")
        else:
            yield f"{name} {part}", found  # type: ignore[misc]


COMMANDS = dict(all_commands())
EXAMPLES = sorted({example for found in COMMANDS.values() for example in found.examples})


def help_of(name: str, columns: int = 80) -> str:
    """The help of a command as it is printed where that is no terminal."""
    os.environ["COLUMNS"] = str(columns)  # which every test begins without
    context = cli.make_context("archlab", [], resilient_parsing=True)
    for part in name.split()[1:]:
        assert isinstance(context.command, click.Group)
        context = context.command.commands[part].make_context(part, [], context, resilient_parsing=True)
    return click.unstyle(context.get_help())


def parsed(words: list[str]) -> click.Context:
    """Read a line as ``archlab`` does, and run nothing."""
    context = cli.make_context("archlab", words)
    while isinstance(context.command, click.Group):
        name, found, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        context = found.make_context(name, rest, parent=context)
    return context


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns_and_is_whole(name):
    text = help_of(name)
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text.split("\n\n", 1)[1], "a sentence is cut"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_which_its_help_shows_whole(name):
    found = COMMANDS[name]
    assert found.examples
    text = help_of(name)
    for example in found.examples:
        assert "\n".join(f"  {line}" for line in folded(example, 76)) in text
        assert not isinstance(found, click.Group) or example.startswith(f"{name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_stands_in_a_group_and_is_explained(name):
    options = [option for option in COMMANDS[name].params if isinstance(option, click.Option)]
    assert all(option.help for option in options)
    if len(options) > 2:
        assert all(getattr(option, "group", OTHERS) != OTHERS for option in options if option.name != "version")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_command(example):
    words = shlex.split(example)
    assert words[0] == "archlab"
    assert parsed(words[1:]).command.callback is not None
    in_lines = "\n".join(folded(example, 40))
    assert shlex.split(in_lines.replace("\\\n", "")) == words, "a shell joins what a backslash divides"


def test_a_wrong_example_would_be_noticed():
    with pytest.raises(click.NoSuchOption):
        parsed(["show", "resnet50", "--sets", "a=1"])
    with pytest.raises(click.MissingParameter):
        parsed(["refit", "cut.arch"])


def test_quick_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_IN_LOGS", DEADLINE)  # on a slow machine too, there is nothing to say
    for name in ("my", "old", "new"):
        text = f"net {name}(input=3x16x16)\nbody: conv({8 if name == 'old' else 4}, 3)\nhead: gap -> fc(10)\n"
        Path(f"{name}.arch").write_text(text, encoding="utf-8")
    assert set(QUICK) <= set(EXAMPLES)
    for example in QUICK:
        done = CliRunner().invoke(cli, shlex.split(example)[1:])
        assert done.exit_code == (1 if example.startswith("archlab diff") else 0), (example, done.output)
        assert done.stdout
        assert done.stderr == ""


def test_the_list_of_commands_has_each_once_under_a_heading_with_its_whole_first_sentence():
    text = help_of("archlab")
    listed = [name for names in cli.sections.values() for name in names]
    assert sorted(listed) == sorted(cli.commands)
    assert all(f"\n{title}:\n" in text for title in cli.sections)
    words = " ".join(text.split())
    for found in cli.commands.values():
        assert " ".join(found.help.split("\n\n")[0].split())[:-1] in words
    assert "Other commands" not in text


def test_options_stand_under_their_group_and_the_rest_below():
    first, second = in_group("First"), in_group("Second")

    @command(examples=("thing --a 1",), notes=("A note.",), exit_codes={"0": "fine"})
    @first("--a", type=int, help="A number.")
    @second("--b", metavar="WORD", help="A word.")
    @first("--c", type=click.FloatRange(0, 1), help="A share.")
    @click.option("--d", is_flag=True, help="A flag.")
    def thing(**_: object) -> None:
        """Do a thing."""

    assert CliRunner().invoke(thing, ["--help"], prog_name="thing").output == (
        "Usage: thing [OPTIONS]\n\n  Do a thing.\n\n"
        "First:\n  --a N  A number.\n  --c N  A share.  [0<=x<=1]\n\n"
        "Second:\n  --b WORD  A word.\n\n"
        "Other options:\n  --d     A flag.\n  --help  Show this message and exit.\n\n"
        "Example:\n  thing --a 1\n\nA note.\n\nExit codes:\n  0  fine\n"
    )


@pytest.mark.parametrize(
    ("example", "width", "lines"),
    [
        ("archlab show a", 14, ["archlab show a"]),
        ("archlab show a", 13, ["archlab \\", "    show a"]),
        ("archlab x --out b.arch", 16, ["archlab x \\", "    --out b.arch"]),
        ("archlab audit 'timm:res*' --json", 28, ["archlab audit 'timm:res*' \\", "    --json"]),
    ],
)
def test_a_long_example_is_folded_between_words_and_never_between_an_option_and_its_value(example, width, lines):
    assert folded(example, width) == lines


def test_headings_are_bold_on_a_terminal_and_plain_with_no_color():
    def shown(**variables: str) -> str:
        master, slave = pty.openpty()
        environment = {**ENVIRONMENT, "TERM": "xterm", **variables}
        environment.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
        subprocess.run(
            [sys.executable, "-m", "archlab", "study", "--help"], stdout=slave, env=environment, timeout=DEADLINE,
            check=True,
        )  # fmt: skip
        os.close(slave)
        text = os.read(master, 2**16).decode()
        os.close(master)
        return text

    assert "\x1b[1mCommands\x1b[0m:" in shown()
    assert "\x1b" not in shown(NO_COLOR="1")


def test_help_and_completion_import_nothing_that_is_slow():
    code = (
        "import json, os, sys\n"
        "from click.testing import CliRunner\n"
        "from archlab.cli.main import cli\n"
        "from archlab.cli.completion_shells import answer_shell\n"
        "CliRunner().invoke(cli, ['--help']); CliRunner().invoke(cli, ['search', '--help'])\n"
        "for line in ('archlab ', 'archlab show re', 'archlab show mobile --set ', 'archlab search mobile -b stage1.',"
        "             'archlab search mobile -o ', 'archlab audit t', 'archlab calibrate mobile --score ',"
        "             'archlab audit timm:', 'archlab shrink vgg16_5x5 --rule factorise5x5 --where stage1.'):\n"
        "    os.environ['COMP_LINE'] = line\n"
        "    assert answer_shell(cli, 'bash_complete').strip()\n"
        "slow = ('torch', 'fvcore', 'optuna', 'numpy', 'pandas', 'plotly', 'rich', 'sklearn', 'networkx', 'jinja2')\n"
        "print(json.dumps([name for name in slow if name in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=DEADLINE, env=ENVIRONMENT,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == []


def test_help_of_a_command_is_an_answer_and_not_an_error():
    done = archlab("show", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout, "it goes to no terminal"
    assert done.stdout.startswith("Usage: archlab show [OPTIONS] NET\n")
