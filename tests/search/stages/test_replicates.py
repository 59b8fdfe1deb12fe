"""Evaluations with other seeds: fresh, kept apart from what selected, resumed, and what ranks in the end."""

from __future__ import annotations

import pytest

import archlab
from archlab.errors import InputError
from archlab.search.request import make_plan
from archlab.search.result import Trial, read_result
from archlab.search.stages.stage_results import merge_found
from tests.search.conftest import TINY

NOISY = """\
import random
with (CALLS.parent / "seeds.txt").open("a") as file:
    file.write(f"{candidate.seed} {candidate.graph.digest}\\n")
return candidate.cost["params"] / 1000 + random.Random(f"{candidate.seed} {candidate.graph.digest}").gauss(0, 3)
"""


def run(tmp_path, objective, **options):
    options = {"trials": 10, "latency": False, "out": tmp_path / "out", "top": 3, "replicates": 2, **options}
    return archlab.search(archlab.parse(TINY), objective=objective, **options)


def seeds(tmp_path):
    return [tuple(line.split()) for line in (tmp_path / "seeds.txt").read_text(encoding="utf-8").splitlines()]


def test_the_best_are_evaluated_again_with_seeds_of_their_own(tmp_path, objective_file):
    objective = objective_file(NOISY)
    result = run(tmp_path, objective)
    called = seeds(tmp_path)
    assert len(called) == len(set(called)) == 10 + 2 * 3
    assert len({seed for seed, _ in called}) == 3
    again = [trial for trial in result.trials if trial.again]
    best = sorted((t for t in result.trials if t.state == "scored"), key=lambda t: -t.values[objective])[:3]
    assert {trial.number for trial in again} == {trial.number for trial in best}
    for finalist in result.finalists:
        estimate = finalist.estimates[objective]
        assert len(estimate.again) == 2
        assert estimate.value == pytest.approx(sum(estimate.again) / 2), "of ten values no surrogate is made"
        assert estimate.low < estimate.value < estimate.high
        assert finalist.values[objective] not in estimate.again
    worth = [finalist.estimates[objective].value for finalist in result.finalists]
    assert worth == sorted(worth, reverse=True)
    assert [stage.candidates for stage in result.stages] == [10, 3, 3]
    assert result.objectives == (result.objectives[0],)
    assert read_result(tmp_path / "out" / "result.json") == result


def test_resumed_replicates_cost_nothing_twice(tmp_path, objective_file):
    objective = objective_file(NOISY)
    first = run(tmp_path, objective, replicates=1)
    more = run(tmp_path, objective, replicates=2)
    assert len(seeds(tmp_path)) == len(set(seeds(tmp_path))) == 10 + 2 * 3
    one = {f.trial: f.estimates[objective].again for f in first.finalists}
    assert {f.trial: f.estimates[objective].again[:1] for f in more.finalists} == one


def test_a_later_stage_may_be_the_same_objective_with_other_seeds(tmp_path, objective_file):
    objective = objective_file(NOISY)
    result = run(tmp_path, objective, then=objective, keep=4, replicates=0)
    assert sum(len(trial.again.get(objective, ())) for trial in result.trials) == 4
    assert len({seed for seed, _ in seeds(tmp_path)}) == 2


def test_a_candidate_that_fails_when_it_is_evaluated_again_is_no_finalist(tmp_path, objective_file):
    body = "if candidate.seed and candidate.draws['stem.conv.c'] == 8:\n    raise RuntimeError('diverged')\n" + NOISY
    result = run(tmp_path, objective_file(body), top=6, trials=14, replicates=1)
    lost = [trial for trial in result.trials if (trial.reason or "").startswith("failed in stage 2")]
    assert lost
    assert all(trial.draws["stem.conv.c"] == 8 for trial in lost)
    assert not {f.trial for f in result.finalists} & {trial.number for trial in lost}


def test_replicates_of_several_objectives_keep_each_apart(tmp_path, objective_file):
    objective = objective_file(NOISY)
    result = run(tmp_path, [objective, "macs"], top=4, replicates=1)
    assert all(set(f.estimates) >= {objective} and len(f.estimates[objective].again) == 1 for f in result.finalists)


def test_the_plan_has_a_stage_for_each_replicate():
    made = make_plan(archlab.parse(TINY), objective="naswot", then="synflow", keep=5, replicates=2, top=3)
    assert [(stage.goals[0].name, stage.again, str(stage.keep)) for stage in made.stages] == [
        ("naswot", False, "None"),
        ("synflow", False, "5"),
        ("synflow", True, "3"),
        ("synflow", True, "100%"),
    ]
    assert len({stage.candidate_seed for stage in made.stages}) == 4
    assert len({stage.study for stage in made.stages}) == 4
    with pytest.raises(InputError, match="at least 0"):
        make_plan(archlab.parse(TINY), objective="naswot", replicates=-1)


def test_values_of_the_same_objective_stay_beside_what_selected():
    trial = Trial(0, "scored", {}, {}, {"a": 2.0}, again={"a": (1.0,)})
    found = [Trial(7, "scored", {}, {}, {"a": 1.5}, seconds=1.0)]
    merged = merge_found({0: trial}, found, {7: 0}, 3, again=True)[0]
    assert (merged.values, merged.again, merged.reached) == ({"a": 2.0}, {"a": (1.0, 1.5)}, 3)
