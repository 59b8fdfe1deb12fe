"""What an objective may do to its search, and what is made of it: each search here is in this process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

import archlab
from archlab.errors import InputError
from archlab.search.result import read_result
from tests.search.conftest import TINY


def run(tmp_path, objective, **options):
    options = {"trials": 5, "latency": False, "out": tmp_path / "out", "top": 1, **options}
    return archlab.search(archlab.parse(TINY), objective=objective, **options)


FIRST = "if len(CALLS.read_text().splitlines()) == 2:\n    "


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("sys.exit(0)", "SystemExit: 0 (mine.py:"),
        ("os._exit(0)", "it called os._exit(0) (mine.py:"),
        ("import threading; t = threading.Thread(target=lambda: os._exit(0)); t.start(); t.join()",
         "it called os._exit(0) (mine.py:"),
        ("raise GeneratorExit('gone')", "GeneratorExit: gone (mine.py:"),
        ("raise KeyboardInterrupt('mine')", "KeyboardInterrupt: mine (mine.py:"),
        ("raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})", "Odd: an error without words (mine.py:"),
        ("return object()", "not a number (mine.py:"),
        ("import torch; return torch.zeros(2)", "it returned tensor([0., 0.]): ValueError: only one element"),
        ("return 10**400", "OverflowError: int too large to convert to float (mine.py:"),
        ("raise MemoryError", "MemoryError (mine.py:"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_is_this_candidates_failure_and_the_search_goes_on(tmp_path, objective_file, does, reason):
    result = run(tmp_path, objective_file(f"{FIRST}{does}\nreturn 1.0"))
    assert result.counts()["scored"] == 4
    (failed,) = (trial for trial in result.trials if trial.state == "failed")
    assert reason in failed.reason


def test_a_process_that_an_objective_forks_and_forgets_to_end_does_not_search_too(tmp_path, objective_file):
    result = run(tmp_path, objective_file(f"{FIRST}child = os.fork()\n    if child: os.waitpid(child, 0)\nreturn 1.0"))
    assert (result.counts()["scored"], os.getpid()) == (5, os.getpid())
    assert (tmp_path / "calls.txt").read_text(encoding="utf-8").count("\n") == 5


@pytest.mark.parametrize("error", ["OSError(28, 'No space left on device')", "ConnectionRefusedError('away')"])
def test_the_surroundings_end_the_search_and_the_same_again_goes_on(tmp_path, objective_file, calls, error):
    objective = objective_file(
        f"{FIRST}try:\n        raise {error}\n    finally:\n        raise ValueError\nreturn 1.0"
    )
    with pytest.raises(
        InputError, match=r"^\w+Error: .*(away|No space).* \(mine\.py:\d+\): .*the same command goes on$"
    ):
        run(tmp_path, objective)
    result = run(tmp_path, objective)
    assert (result.counts()["scored"], result.counts()["failed"]) == (5, 0)
    assert len(calls()) == 6, "the network that met it was judged again"


def test_one_error_in_one_line_ends_the_search_at_the_third(tmp_path, objective_file, calls):
    objective = objective_file("raise RuntimeError('boom')")
    with pytest.raises(InputError, match=r"3 evaluations in a row failed with the same error: .*boom \(mine\.py:13\)"):
        run(tmp_path, objective)
    assert len(calls()) == 3
    result = run(tmp_path, objective, keep_going=True)
    assert result.counts()["failed"] == 5


def test_a_resumed_search_counts_from_where_it_began(tmp_path, objective_file, calls):
    objective = objective_file("raise RuntimeError('boom')")
    with pytest.raises(InputError):
        run(tmp_path, objective, trials=9)
    with pytest.raises(InputError):
        run(tmp_path, objective, trials=9)
    assert len(calls()) == 6


def test_ctrl_c_ends_the_search_also_where_the_objective_catches_it(tmp_path, objective_file, calls):
    body = (
        f"{FIRST}try:\n        signal.raise_signal(signal.SIGINT)\n    except BaseException:\n        pass\nreturn 1.0"
    )
    objective = objective_file(f"import signal\n{body}")
    first = run(tmp_path, objective)
    assert (first.interrupted, first.counts()["scored"]) == ("interrupted by the user", 2)
    assert run(tmp_path, objective).counts()["scored"] == 5
    assert len(calls()) == 5, "what it returned is kept"


def test_an_interrupt_that_becomes_another_error_is_no_verdict(tmp_path, objective_file, calls):
    body = (
        f"{FIRST}try:\n        signal.raise_signal(signal.SIGINT)\n    except BaseException:\n        1 / 0\nreturn 1.0"
    )
    objective = objective_file(f"import signal\n{body}")
    assert run(tmp_path, objective).interrupted == "interrupted by the user"
    result = run(tmp_path, objective)
    assert (result.counts()["scored"], result.counts()["failed"]) == (5, 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_no_signal_brought_is_one_unless_the_objective_raises_it_itself(tmp_path, objective_file):
    objective = objective_file(f"{FIRST}import json; json.loads('1', parse_int=interrupt)\nreturn 1.0")
    (tmp_path / "other.py").write_text("def interrupt(_):\n    raise KeyboardInterrupt\n", encoding="utf-8")
    file = tmp_path / "mine.py"
    file.write_text(f"from other import interrupt\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    assert run(tmp_path, objective).interrupted == "interrupted by the user"


@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_an_objective_that_changes_folder_loses_nothing(tmp_path, monkeypatch, objective_file, storage):
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    objective = objective_file(f"os.chdir({str(elsewhere)!r})\ntrial.report(1.0, 0)\nreturn 1.0")
    (tmp_path / "mine.py").rename(tmp_path / "theirs.py")
    result = run(tmp_path, "theirs.py:value", out="out", storage=storage, then="macs")
    assert Path.cwd() == tmp_path
    assert read_result(tmp_path / "out" / "result.json") == result
    assert list(elsewhere.iterdir()) == []
    assert objective.endswith("mine.py:value")


def test_a_module_that_changes_folder_as_it_is_loaded_is_called_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "factor.txt").write_text("3", encoding="utf-8")
    (tmp_path / "moves.py").write_text(
        "import os\nos.chdir('elsewhere')\n\ndef value(*_):\n    return float(open('factor.txt').read())\n",
        encoding="utf-8",
    )
    for trials in (2, 3):
        result = run(tmp_path, "moves.py:value", out="out", trials=trials)
        assert [trial.values for trial in result.trials if trial.values] == [{"moves.py:value": 3.0}] * trials
    assert list(elsewhere.iterdir()) == [elsewhere / "factor.txt"]


def test_a_print_that_fails_is_no_failure(tmp_path, monkeypatch, objective_file):
    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        flush = None

    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", Full())
    result = run(tmp_path, objective_file("print('a')\nprint('b', file=sys.stderr)\nreturn 1.0"))
    assert result.counts()["scored"] == 5
