"""Workers that go from one stage to the next."""

from __future__ import annotations

import json
import subprocess
import sys

import optuna
import pytest

from archlab.errors import InputError
from archlab.search.result import read_result
from archlab.search.storage.open_storage import open_storage
from archlab.search.workers import join
from archlab.search.workers.join import work
from tests.search.stages.staged import CURVE, best, digests, run, start
from tests.waiting import Clock, succeed, until


@pytest.mark.slow
@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_two_workers_judge_each_candidate_once_and_a_third_joins(
    tmp_path, tiny_file, objective_file, calls, gate, storage
):
    objective = objective_file("gate.enter(os.getpid())\n" + CURVE)
    gate.close(at=1)
    process = start(tmp_path, objective, "--workers", 2, *(["--storage", storage] if storage else []))
    place = storage or "out/study.journal"
    file = tmp_path / place.removeprefix("sqlite:///")
    until(lambda: file.exists() and b"archlab:setup" in file.read_bytes(), process)
    command = [
        sys.executable,
        "-m",
        "archlab",
        "worker",
        "--study",
        "tiny",
        "--storage",
        place,
        "-o",
        objective,
        "--json",
    ]
    joined = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    until(lambda: len(gate.begun()) == 3, process)
    assert len(set(gate.begun())) == 3, "each is at one, and the third takes part"
    gate.open()
    succeed(process)
    out, _ = succeed(joined)
    assert json.loads(out) == {"spent": 12 + 8, "interrupted": None}
    result = read_result(tmp_path / "out" / "result.json")
    assert sorted(calls()) == sorted(digests(result, best(result, "params", 8)))
    second = result.stages[1]
    assert second.scored + second.pruned == 8
    assert second.pruned >= 1, "what one worker's candidates reported stops another's"


def test_a_worker_waits_for_the_next_stage_and_says_so(tmp_path, tiny_file, objective_file, monkeypatch, calls):
    """The first stage is done and the second not open, as while the search is between them."""
    objective = objective_file("return 1.0")
    run(tmp_path, objective, keep=2, timeout=None, trials=4)
    journal = tmp_path / "out" / "study.journal"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    second = next(i for i, line in enumerate(lines) if "tiny/2-value" in line and '"op_code":0' in line)
    journal.write_text("".join(lines[:second]), encoding="utf-8")
    notes = []
    monkeypatch.setattr(join, "time", Clock())
    done = work(str(journal), "tiny", objectives=[objective], timeout=1.0, note=notes.append)
    assert done.evaluated == 4
    assert notes == ["waiting for tiny/2-value, the next stage of tiny, which `archlab search` opens"]
    assert len(calls()) == 2


def test_a_worker_without_the_code_of_a_later_stage_is_refused_at_once(tmp_path, objective_file):
    objective = objective_file("return 1.0")
    run(tmp_path, objective, keep=2, trials=4)
    objective_file("return 2.0")
    with pytest.raises(InputError, match=r"mine\.py:value is not the code"):
        work(str(tmp_path / "out" / "study.journal"), "tiny", objectives=[objective])


def test_a_function_of_this_process_is_refused_to_workers_in_a_later_stage_too(tmp_path):
    with pytest.raises(InputError, match="a function of this process"):
        run(tmp_path, lambda *_: 1.0, workers=2)


def test_what_a_worker_leaves_that_came_too_late_for_the_queue_is_no_candidate(tmp_path, objective_file, calls):
    objective = objective_file("return float(candidate.cost['macs'])")
    before = run(tmp_path, objective, keep=3)
    storage = open_storage(str(tmp_path / "out" / "study.journal")).storage
    study = optuna.load_study(study_name="tiny/2-value", storage=storage)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    again = run(tmp_path, objective, keep=3)
    assert again.trials == before.trials
    assert again.stages == before.stages
    assert len(calls()) == 3
