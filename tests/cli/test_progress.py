"""The line that says what a command does: on a terminal alone, after its time, never in the way, gone at the end."""

from __future__ import annotations

import io
import sys

import pytest

from archlab.cli import progress as module
from archlab.cli.progress import progress
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


def test_nothing_shows_before_its_time_or_without_a_terminal(monkeypatch):
    terminal = at_terminal(monkeypatch)
    monkeypatch.setattr(module, "_PATIENCE", DEADLINE)
    with progress("working"):
        pass
    assert terminal.getvalue() == ""
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    with progress("working") as say:
        assert sys.stderr is pipe
        say("more")
    assert pipe.getvalue() == ""


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
