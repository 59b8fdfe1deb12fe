"""Workers that another process watches: what they print, how they end, and what is made of it."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
from pathlib import Path

import optuna
import pytest

import archlab
from archlab.search.result import read_result
from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.trial_record import SETUP
from archlab.search.workers import process, start
from archlab.search.workers.join import work
from tests.search.workers.conftest import SPACE, calls
from tests.waiting import Clock, finish, succeed, until, without_notice


def write_objective(folder, body):
    """Write ``mine.py:value``, an objective with this body after what all of them need."""
    head = "import ctypes, os, pathlib, signal, sys\nfrom quick import DEADLINE, FOLDER, Gate\n\n"
    lines = ["def value(module, candidate, trial):", *body.splitlines(), "return float(candidate.cost['params'] % 977)"]
    (folder / "mine.py").write_text(head + "\n    ".join(lines) + "\n", encoding="utf-8")


def search_args(trials, *more):
    return ("search", "many.arch", "-o", "mine.py:value", "-n", trials, "--no-latency", "--out", "out", "--top", 1,
            *more)  # fmt: skip


def search(folder, **options):
    options = {"objective": "mine.py:value", "latency": False, "top": 1, "out": folder / "out", **options}
    return archlab.search(archlab.parse(SPACE), **options)


def scored(folder):
    result = read_result(folder / "out" / "result.json")
    digests = [trial.digest for trial in result.trials if trial.state == "scored"]
    assert len(digests) == len(set(digests))
    return len(digests)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_megabyte_from_each_evaluation_is_in_nobodys_way(many, archlab_in, workers):
    # Single characters, since what is longer than a pipe's page may be cut where another worker's comes in between.
    write_objective(many, "print('~' * 1_000_000)\nos.write(1, b'^' * 100_000)\nos.system('echo child')")
    out, err = succeed(archlab_in(*search_args(4, "--workers", workers, "--json")))
    assert json.loads(out) == json.loads((many / "out" / "result.json").read_text(encoding="utf-8"))
    assert err.count("~") == 4 * 1_000_000
    assert err.count("^") == 4 * 100_000
    assert err.count("child") == 4
    headed = {number for number in range(9) if f"[trial {number}] ~" in err}
    assert len(headed) == (4 if workers > 1 else 0)


def test_a_worker_ends_with_its_parent_and_its_trial_is_queued_again(many, archlab_in, gate, monkeypatch):
    write_objective(many, "Gate(FOLDER).enter(os.getpid())")
    gate.close(at=1)
    parent = archlab_in(*search_args(6, "--workers", 2))
    until(lambda: len(gate.begun()) == 2, parent)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: all(map(has_ended, gate.begun())))
    gate.open()
    monkeypatch.chdir(many)
    assert search(many, trials=6).counts()["scored"] == 6
    assert len(gate.begun()) == 6 + 2


def has_ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_full_disk_ends_the_search_once_and_the_same_command_goes_on(many, archlab_in, monkeypatch):
    write_objective(many, "if (FOLDER / 'full').exists():\n    raise OSError(28, 'No space left on device')")
    (many / "full").touch()
    process = archlab_in(*search_args(6, "--workers", 2))
    out, err = finish(process)
    assert (process.returncode, out) == (2, "")
    assert err.count("No space left on device (mine.py:6): this is not the network's fault") == 1
    assert "the same command goes on" in err
    assert "Traceback" not in err
    (many / "full").unlink()
    monkeypatch.chdir(many)
    assert search(many, trials=6).counts()["scored"] == 6


def test_a_worker_that_ends_in_c_without_an_answer_is_replaced(many, archlab_in):
    write_objective(
        many, "if not (FOLDER / 'left').exists():\n    (FOLDER / 'left').touch()\n    ctypes.CDLL(None).exit(0)"
    )
    _, err = succeed(archlab_in(*search_args(4, "--workers", 2)))
    assert "a worker was ended by its objective with exit code 0 and no answer: another takes its place" in err
    assert scored(many) == 4


def test_three_failures_alike_end_the_search_of_several_workers(many, archlab_in):
    write_objective(many, "raise RuntimeError('boom')")
    process = archlab_in(*search_args(20, "--workers", 2))
    _, err = finish(process)
    assert process.returncode == 2
    assert err.count("3 evaluations in a row failed with the same error: mine.py:value: RuntimeError: boom") == 1


def test_ctrl_c_ends_all_workers_without_a_traceback(many, archlab_in, gate):
    write_objective(many, "Gate(FOLDER).enter(os.getpid())")
    gate.close(at=3)
    process = archlab_in(*search_args(9, "--workers", 2, "--quiet"))
    until(lambda: len(gate.begun()) == 4, process)
    process.send_signal(signal.SIGINT)
    _, err = finish(process)
    assert process.returncode == 130
    assert without_notice(err) == "archlab: ended early: interrupted by the user; the same command resumes it\n"
    assert scored(many) == 2
    assert all(map(has_ended, gate.begun()))


def test_a_worker_that_is_asked_to_end_while_it_ends_has_no_traceback(many, archlab_in):
    write_objective(many, "import atexit\natexit.register(signal.raise_signal, signal.SIGTERM)")
    _, err = succeed(archlab_in(*search_args(2, "--workers", 2)))
    assert "Traceback" not in err
    assert scored(many) == 2


# --- a limit on each trial --------------------------------------------------------------------------------------


def test_one_watched_worker_draws_what_this_process_draws(many, monkeypatch):
    monkeypatch.chdir(many)
    write_objective(many, "")

    def trials(folder, **options):
        result = search(many, sampler="tpe", trials=12, out=many / folder, **options)
        return [dataclasses.replace(trial, seconds=0) for trial in result.trials]

    assert trials("watched", trial_timeout="9h") == trials("here")


class Jump(Clock):
    """A clock that goes while the third evaluation is under way, and opens the gate for those after it."""

    def __init__(self, gate):
        super().__init__()
        self._gate = gate

    def sleep(self, _):
        threading.Event().wait(0.02)  # for the worker to have the processor
        begun = self._gate.begun()
        if len(begun) == 3 and not has_ended(begun[2]):
            self.now += 7200.0
        if len(begun) > 3:
            self._gate.close(at=100)


def test_an_evaluation_that_takes_longer_is_ended_whatever_it_ignores(many, monkeypatch, gate):
    monkeypatch.chdir(many)
    write_objective(many, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nGate(FOLDER).enter(os.getpid())")
    monkeypatch.setattr(start, "time", Jump(gate))
    monkeypatch.setattr(process, "GRACE", 0.1)
    gate.close(at=3)
    result = search(many, trials=5, trial_timeout="1h")
    (failed,) = (trial for trial in result.trials if trial.state == "failed")
    assert failed.reason == "it took longer than 1h (--trial-timeout)"
    assert failed.digest is not None
    assert (result.counts()["scored"], len(gate.begun())) == (4, 5)
    first, *_, last = gate.begun()
    assert first != last
    assert all(map(has_ended, gate.begun()))


def test_a_worker_of_a_study_with_a_limit_evaluates_in_a_process_of_its_own(many, monkeypatch):
    monkeypatch.chdir(many)
    search(many, objective="quick.py:value", trials=2, trial_timeout="1h")
    study = optuna.load_study(study_name="many", storage=open_storage("out/study.journal").storage)
    study.set_user_attr(SETUP, {**study.user_attrs[SETUP], "trials": 4})
    assert work("out/study.journal", "many", objectives=["quick.py:value"]).evaluated == 4
    assert len(calls(many)) == 4
    assert f" {os.getpid()}\n" not in (many / "calls.txt").read_text(encoding="utf-8")
