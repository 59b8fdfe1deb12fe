"""How a command ends: exit codes, the one message, and what is done with an error that nobody foresaw."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from archlab.cli import ending, main
from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.cli.messages import printable_json, printable_lines
from archlab.errors import BudgetError, InputError


def command_that(does: Callable[[], object]) -> click.Command:
    return click.Command("it", callback=does)


def raising(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return command_that(fail)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (click.exceptions.Exit(1), 1, ""),
        (click.exceptions.Exit(0), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit(), 0, ""),
        (SystemExit("the end"), 1, "archlab: the end\n"),
        (KeyboardInterrupt(), 130, "archlab: interrupted\n"),
        (click.exceptions.Abort(), 130, "archlab: interrupted\n"),
        (MemoryError(), 70, "archlab: there is not enough memory for this\n"),
        (BudgetError("none is small enough"), 1, "archlab: none is small enough\n"),
        (InputError("no \x1b[31m file", hint="a\nb"), 2, "archlab: no \ufffd[31m file\n  hint: a\ufffdb\n"),
        (click.ClickException("no \x9b1m"), 1, "Error: no \ufffd1m\n"),
    ],
)
def test_each_way_to_end_has_its_code_and_message(here, capsys, error, code, said):
    assert run(raising(error), []) == code
    assert capsys.readouterr() == ("", said)
    assert list(here.iterdir()) == [], "nothing of this was unforeseen"


def test_a_command_that_returns_is_fine(capsys):
    assert run(command_that(lambda: 5), []) == 0
    assert capsys.readouterr() == ("", "")


def test_a_count_that_fvcore_does_not_confirm_is_exit_code_1(monkeypatch, capsys):
    import archlab.nn

    real = archlab.nn.recount
    import dataclasses

    monkeypatch.setattr(archlab.nn, "recount", lambda graph: dataclasses.replace(real(graph), equal=False))
    assert run(cli, ["show", "mobilenet_v1", "--fvcore"]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_what_nobody_foresaw_is_one_line_with_a_file(here, capsys, monkeypatch):
    monkeypatch.setenv("ARCHLAB_STORAGE", "postgresql://me:hidden@host/db")
    monkeypatch.setenv("PGPASSWORD", "unseen")
    error = ValueError("bad\x1b[2J\nvalue of hidden, unseen and secret")
    command = click.Command(
        "it", params=[click.Option(["--storage"])], callback=lambda storage: (_ for _ in ()).throw(error)
    )
    assert run(command, ["--storage", "postgresql://you:secret@host/db"]) == 70
    out, err = capsys.readouterr()
    (file,) = here.iterdir()
    place = r"\(test_ending\.py:\d+\)"
    said = r"archlab: this should not have happened: ValueError: bad\ufffd\[2J value of \*\*\*, \*\*\* and \*\*\* "
    assert re.fullmatch(said + place + "; the traceback is in " + re.escape(str(file)) + "\n", err), err
    assert out == ""
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    assert text.startswith("archlab --storage postgresql://you:***@host/db\npython 3.")
    assert "click" in text.splitlines()[1]
    assert "Traceback (most recent call last)" in text
    assert not re.search("hidden|unseen|secret", text)


def test_the_file_is_in_the_temporary_folder_where_the_current_one_takes_none(tmp_path, here, capsys, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "temporary").mkdir()
    real = tempfile.mkstemp

    def only_temporary(suffix: str, prefix: str, folder: str) -> tuple[int, str]:
        if folder == str(tmp_path / "full"):
            raise PermissionError(13, "Permission denied")
        return real(suffix, prefix, folder)

    monkeypatch.chdir(tmp_path / "full")
    monkeypatch.setattr(tempfile, "mkstemp", only_temporary)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert run(raising(RuntimeError("x")), []) == 70
    (file,) = (tmp_path / "temporary").iterdir()
    assert str(file) in capsys.readouterr().err


def test_no_folder_that_takes_the_file_is_said_in_the_line(here, capsys, monkeypatch):
    def full(*_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    assert run(raising(RuntimeError("x")), []) == 70
    assert re.fullmatch(
        r"archlab: this should not have happened: RuntimeError: x \(test_ending\.py:\d+\); "
        r"no folder takes a file with the traceback\n",
        capsys.readouterr().err,
    )


def test_a_disk_that_fills_up_leaves_no_half_of_a_file(here, capsys, monkeypatch):
    def full(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(here))
    monkeypatch.setattr(ending, "open", full, raising=False)
    assert run(raising(RuntimeError("x")), []) == 70
    assert "no folder takes" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_a_broken_pipe_of_something_else_is_not_the_output_s(here, capsys):
    assert run(raising(BrokenPipeError(32, "Broken pipe")), []) == 70
    assert "BrokenPipeError: [Errno 32] Broken pipe" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["spaces"], ["show", "resnet50"], ["audit"], ["search", "mobile"]])
def test_a_deleted_folder_is_one_line(tmp_path, capsys, monkeypatch, args):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(cli, args) == 2
    said = "archlab: the current folder no longer exists: change to one that does\n"
    assert capsys.readouterr() == ("", said)


def test_a_folder_that_is_deleted_meanwhile_is_the_same_line(tmp_path, capsys, monkeypatch):
    def delete() -> None:
        gone.rmdir()
        os.getcwd()

    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert run(command_that(delete), []) == 2
    assert "the current folder no longer exists" in capsys.readouterr().err


def test_main_exits_with_the_code_of_the_command(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["archlab", "show", "nothing"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL, "Ctrl-C while libraries end has no traceback"
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("archlab: 'nothing': neither")


def test_the_help_lists_the_exit_codes(capsys):
    assert run(cli, ["--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for code in (
        "0 fine",
        "1 a budget",
        "2 usage",
        "70 an error",
        "74 the output",
        "130 interrupted",
        "143 terminated",
    ):
        assert code in said


def test_strangers_texts_are_made_printable():
    assert printable_lines("a\x1b[2J\n\tb\x9b\u202e\r") == "a\ufffd[2J\n\tb\ufffd\ufffd\ufffd"
    assert printable_json('{"a": "é\x7f\u202e\U000e0001"}\n') == '{"a": "é\\u007f\\u202e\\udb40\\udc01"}\n'
