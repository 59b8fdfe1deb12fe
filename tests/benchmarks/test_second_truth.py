"""The second truth of detection scores: which backbones, what a rung loses and what probe first keeps, by hand."""

from __future__ import annotations

import random

import optuna
import pytest

from archlab.search.study.pruner import make_pruner
from benchmarks import raccoons
from benchmarks.detecting.agreement import probe_first
from benchmarks.detecting.rungs import curve_of, going_on, rungs
from benchmarks.detecting.second import is_enough, truths
from benchmarks.detecting.trainings import add_rows
from benchmarks.detecting.truth import lines


def test_every_beginning_of_the_order_is_spread_over_the_pool():
    assert sorted(raccoons.MIXED) == sorted(raccoons.NETWORKS)
    assert len(set(raccoons.MIXED)) == 32
    assert {index // 16 for index in raccoons.MIXED[:8]} == {0, 1, 2, 3}
    groups = [index for index in raccoons.NETWORKS if index % 2]
    assert [index // 16 for index in groups] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4


def test_the_small_input_is_trained_in_full_and_every_third_backbone_twice():
    jobs = list(raccoons.jobs())
    assert [job["seed"] for job in jobs[:12]] == [0, 0, 0, 0, 0, 1] * 2
    assert [job["size"] for job in jobs] == [[64, 96]] * 43 + [[96, 128]] * 43
    for own in (jobs[:43], jobs[43:]):
        assert [job["network"] for job in own if job["seed"] == 0] == list(raccoons.MIXED)
        assert [job["network"] for job in own if job["seed"] == 1] == list(raccoons.MIXED[::3])


def test_a_rung_lets_go_on_what_the_pruner_of_a_search_does():
    rng = random.Random(0)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for _ in range(3):
        at = [rng.random() for _ in range(12)]
        study = optuna.create_study(direction="maximize", pruner=make_pruner("halving"))
        seen = []
        for value in at:
            trial = study.ask()
            trial.report(value, 450)
            seen.append(not trial.should_prune())
            if seen[-1]:
                study.tell(trial, value)
            else:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        assert going_on(at) == seen


def test_a_rung_that_stops_the_best_loses_what_it_is_ahead():
    # Of two the first always goes on, and so does the second, which is compared with itself.
    both = [{"0.5": 0.1, "1": 0.5}, {"0.5": 0.2, "1": 0.1}]
    assert rungs(both, together=2) == {"0.5": {"tau": -1.0, "saved": 0.0, "loss": 0.0, "kept": 1.0}}
    # Of three the third is stopped where it is behind the second; that is the best of all in a third of all orders.
    curves = [{"0.5": at, "1": end} for at, end in ((0.1, 0.5), (0.2, 0.1), (0.3, 0.2))]
    rung = rungs(curves, together=3)["0.5"]
    assert rung["kept"] == pytest.approx(2 / 3, abs=0.05)
    assert rung["loss"] == pytest.approx(0.3 / 3, abs=0.02)
    assert rung["saved"] == pytest.approx(0.5 * (1 / 2) / 3, abs=0.02)


def test_the_best_that_are_scored_low_by_the_probe_are_lost():
    scores = {n: {"roi_probe": float(n != 19) * n, "detection": float(n)} for n in range(20)}
    found = {n: [float(n), float(n)] for n in range(20)}
    first = probe_first(scores, found, {"roi_probe": 0.5, "detection": 4.0})
    assert first["kept"] == {"detection": 7, "AP": 7, "AP, by detection's own half": 8}
    assert first["seconds"] == 2.5


def test_a_training_that_failed_has_no_curve_and_counts_as_zero():
    row = {"network": 4, "seed": 1, "failed": "the loss is nan"}
    good = {"network": 4, "seed": 0, "ap": {"ap": 0.25}, "ap at": {"0.5": 0.125}}
    assert truths([row, good]) == {4: [0.25, 0.0]}
    assert curve_of(row) is None
    assert curve_of(good) == {"0.5": 0.125, "1": 0.25}


def test_nothing_is_said_of_fewer_than_eight_backbones_or_before_two_were_repeated():
    rows = [{"seed": 0}] * 8 + [{"seed": 1}] * 2
    assert is_enough(rows)
    assert not is_enough(rows[1:])
    assert not is_enough(rows[:-1])


def test_rows_are_resumed_one_line_each(tmp_path):
    path = tmp_path / "rows.jsonl"
    jobs = list(raccoons.jobs())[:5]
    rows = [{**job, "seconds": 1.0} for job in jobs]
    add_rows(path, jobs, lambda job: {**job, "seconds": 1.0}, 2)
    path.write_text(path.read_text(encoding="utf-8") + '{"cut', encoding="utf-8")
    assert lines(path) == rows[:2]
    add_rows(path, jobs, lambda job: {**job, "seconds": 1.0}, 2)
    assert lines(path) == rows[:4]
