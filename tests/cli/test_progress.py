"""What says what a command does: a line of a terminal, never in the way and gone at the end, and lines in a log."""

from __future__ import annotations

import io
import queue
import sys
import threading

import click
import pytest
from click.testing import CliRunner

from archlab.cli import progress as module
from archlab.cli.help_text import Command
from archlab.cli.main import cli
from archlab.cli.progress import progress
from archlab.cli.quiet import is_quiet, quiet_option
from tests.waiting import DEADLINE, until

ERASE = "\r\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch):
    """A terminal in place of standard error, and a line that appears at once (pytest undoes a fixture's)."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    monkeypatch.setattr(module, "_EVERY", 0.001)
    return stream


def screen(text: str) -> list[str]:
    """What is left on the screen."""
    return [line.split(ERASE)[-1] for line in text.split("\n")]


def test_the_line_appears_says_what_is_done_and_is_gone_at_the_end(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with progress("loading \x1b[2J") as say:
        until(lambda: "loading �[2J  " in terminal.getvalue())
        say("auditing resnet50")
        until(lambda: "auditing resnet50  " in terminal.getvalue())
    assert screen(terminal.getvalue()) == [""]
    assert sys.stderr is terminal


def test_what_is_printed_meanwhile_stays_whole(monkeypatch):
    terminal = at_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", terminal)
    with progress("working"):
        until(lambda: "working" in terminal.getvalue())
        print("a warning", file=sys.stderr)
        until(lambda: terminal.getvalue().endswith(" s"))
        print("half of ", end="")
        print("a line")
    assert screen(terminal.getvalue()) == ["a warning", "half of a line", ""]
    assert sys.stdout is terminal


def test_a_line_is_no_wider_than_the_terminal(monkeypatch):
    terminal = at_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "20")
    with progress("working on something with a long name"):
        until(lambda: "working" in terminal.getvalue())
    assert max(len(part) for part in terminal.getvalue().split(ERASE)) == 19


def test_nothing_shows_before_its_time(monkeypatch):
    terminal = at_terminal(monkeypatch)
    monkeypatch.setattr(module, "_PATIENCE", DEADLINE)
    with progress("working"):
        pass
    assert terminal.getvalue() == ""


def test_an_error_takes_the_line_away_too(monkeypatch):
    terminal = at_terminal(monkeypatch)

    def interrupted():
        with progress("working"):
            until(lambda: "working" in terminal.getvalue())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert screen(terminal.getvalue()) == [""]
    assert sys.stderr is terminal


class Clock(module.Clock):
    """A clock that the test moves: whoever waits is woken once for each time that the hands are moved over its time."""

    def __init__(self) -> None:
        self.time, self.waits = 0.0, queue.SimpleQueue[float]()
        self._moves = queue.SimpleQueue[bool]()

    def now(self) -> float:
        return self.time

    def wait(self, ended: threading.Event, seconds: float) -> bool:  # noqa: ARG002  # as of the clock that it stands for
        self.waits.put(seconds)
        return not self._moves.get(timeout=DEADLINE)

    def move(self) -> None:
        """Let the time go by that is waited for, once somebody waits."""
        self.time += self.waits.get(timeout=DEADLINE)
        self._moves.put(True)

    def end(self) -> None:
        self._moves.put(False)


def in_a_log(monkeypatch):
    """A file in place of standard error, and a clock in place of the machine's."""
    log, clock = io.StringIO(), Clock()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(module, "_CLOCK", clock)
    return log, clock


def test_a_log_gets_a_line_every_30_seconds_with_what_was_said_last(monkeypatch):
    log, clock = in_a_log(monkeypatch)
    with progress("loading torch") as say:
        assert sys.stderr is log, "nothing stands before it"
        clock.move()
        until(lambda: log.getvalue().count("\n") == 1)
        say("training: step 40 of 900, loss 1.234, 12 min left \x1b[2J")
        say("training: step 80 of 900, loss 0.987, 11 min left \x1b[2J")
        clock.move()
        until(lambda: log.getvalue().count("\n") == 2)
        clock.end()
    assert log.getvalue() == (
        "archlab: loading torch (30 s)\narchlab: training: step 80 of 900, loss 0.987, 11 min left �[2J (1 min 0 s)\n"
    )


def test_a_short_command_leaves_nothing_in_a_log(monkeypatch):
    log, clock = in_a_log(monkeypatch)
    with progress("loading torch") as say:
        say("more")
        assert clock.waits.get(timeout=DEADLINE) == 30
        clock.end()
    assert log.getvalue() == ""


@pytest.mark.filterwarnings("error")
def test_a_log_that_nobody_reads_ends_nothing(monkeypatch):
    log, clock = in_a_log(monkeypatch)
    with progress("working"):
        log.close()
        clock.move()


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_quiet_shows_no_progress_anywhere_and_every_message(monkeypatch, stream):
    shown = stream()
    monkeypatch.setattr(module, "_Beat", None)
    monkeypatch.setattr(module, "_on_terminal", None)
    monkeypatch.setattr(module, "_Log", None)
    seen = []

    @click.command(cls=Command)
    @quiet_option()
    def work():
        monkeypatch.setattr(sys, "stderr", shown)
        with progress("working") as say:
            say("more")
            print("a warning", file=sys.stderr)
        seen.append(is_quiet())

    work.main(["--quiet"], standalone_mode=False)
    assert (shown.getvalue(), seen) == ("a warning\n", [True])


def test_without_quiet_and_outside_of_commands_nothing_is_quiet():
    seen = []
    work = click.command(cls=Command)(quiet_option()(lambda: seen.append(is_quiet())))
    assert CliRunner().invoke(work, []).exit_code == 0
    assert CliRunner().invoke(work, ["-q"]).exit_code == 0
    assert (seen, is_quiet()) == ([False, True], False)


def test_every_command_that_shows_progress_takes_quiet():
    todo, found = [cli], {}
    while todo:
        for name, each in todo.pop().commands.items():
            if isinstance(each, click.Group):
                todo.append(each)
            else:
                found[f"{each.callback.__module__.rpartition('.')[2]} {name}"] = any(
                    "--quiet" in option.opts for option in each.params
                )
    at_once = {"main spaces", "exchange import"}
    assert {name for name, takes in found.items() if not takes} == at_once
