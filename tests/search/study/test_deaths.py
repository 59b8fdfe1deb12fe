"""Networks that kill their process, and what failed judged once more: whole searches, each run in a forked process."""

from __future__ import annotations

import os
import signal

import pytest

import archlab
from archlab.search.result import read_result
from benchmarks.faults import exit_code, forked

KILLED = -signal.SIGKILL
FEW = archlab.parse("net few(input=3x8x8)\nstem: conv({4, 8, 12})\nhead: gap -> fc(2)")


@pytest.fixture
def run(tmp_path):
    """Runs one search of three networks, of which those of 8 channels end as told; returns its exit code."""

    def once(end=None, **options):
        def value(module, candidate, trial):
            with (tmp_path / "calls.txt").open("a", encoding="utf-8") as file:
                file.write(f"{candidate.cost['params']}\n")
            if candidate.draws["stem.conv.c"] == 8 and end is not None:
                end()
            return 1.0

        def search():
            archlab.search(FEW, objective=value, trials=3, out=tmp_path / "out", latency=False, **options)

        return exit_code(forked(search))

    return once


def result(tmp_path):
    return read_result(tmp_path / "out" / "result.json")


@pytest.mark.parametrize(("options", "deaths"), [({}, 3), ({"max_deaths": 1}, 1)])
@pytest.mark.parametrize("storage", [None, "sqlite:///{}/study.db"])
def test_one_that_kills_its_process_is_a_failed_candidate_in_the_end(tmp_path, run, options, deaths, storage):
    options = {**options, **({"storage": storage.format(tmp_path)} if storage else {})}
    codes = [run(lambda: os.kill(os.getpid(), signal.SIGKILL), **options) for _ in range(deaths + 1)]
    assert codes == [KILLED] * deaths + [0]
    found = result(tmp_path)
    assert (found.counts()["scored"], found.counts()["failed"], found.interrupted) == (2, 1, None)
    (failed,) = [trial for trial in found.trials if trial.state == "failed"]
    times = "once" if deaths == 1 else "3 times"
    assert failed.reason == f"it ended its process {times} (--max-deaths)"
    assert failed.draws == {"stem.conv.c": 8}
    calls = (tmp_path / "calls.txt").read_text(encoding="utf-8").split()
    assert len(calls) == 2 + deaths, "the others were evaluated once"


def test_ctrl_c_is_no_death_however_often(tmp_path, run):
    def ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)

    for _ in range(4):
        run(ctrl_c)
    assert run() == 0
    assert result(tmp_path).counts()["scored"] == 3


def test_what_failed_is_judged_once_more_when_asked(tmp_path, run):
    def breaks():
        raise RuntimeError("the data was away")

    assert [run(breaks), run()] == [0, 0]
    before = result(tmp_path)
    assert (before.counts()["scored"], before.counts()["failed"]) == (2, 1), "not judged again unless it is asked for"
    assert run(retry_failed=True) == 0
    after = result(tmp_path)
    assert (after.counts()["scored"], after.counts()["failed"]) == (3, 0)
    (old,) = [trial for trial in after.trials if trial.state == "repeated"]
    (new,) = [trial for trial in after.trials if trial.number == old.repeat_of]
    assert (new.state, new.draws, old.draws) == ("scored", {"stem.conv.c": 8}, {"stem.conv.c": 8})
    assert "the data was away" in old.reason, "the history says what it was"
    assert run(breaks, retry_failed=True) == 0
    assert result(tmp_path).trials == after.trials, "nothing has failed any more"


def test_what_fails_again_counts_once_and_is_judged_again_by_the_next_run(tmp_path, run):
    def breaks():
        raise RuntimeError("the data was away")

    for retry in (False, True, True):
        run(breaks, retry_failed=retry)
    found = result(tmp_path)
    assert (found.counts()["scored"], found.counts()["failed"], found.counts()["repeated"]) == (2, 1, 2)
    assert len((tmp_path / "calls.txt").read_text(encoding="utf-8").split()) == 3 + 2
