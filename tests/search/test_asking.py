"""Ask and tell: a script of one's own drives a search, and nothing is lost or paid twice."""

from __future__ import annotations

import doctest

import optuna
import pytest

import archlab
from archlab.errors import BudgetError, InputError
from archlab.search import asking
from archlab.search.result import read_result
from tests.search.conftest import TINY


def session(tmp_path, **options):
    options = {"trials": 8, "latency": False, "out": tmp_path / "out", "budget": ["macs=60k"], **options}
    return archlab.ask_tell(archlab.parse(TINY), **options)


def value_of(candidate):
    return candidate.cost["params"] / 1000


def asked(search, most=100):
    found = []
    while len(found) < most and (candidate := search.ask()) is not None:
        found.append(candidate)
        search.tell(candidate, value_of(candidate))
    return found


def test_what_is_asked_for_is_new_and_within_budget_and_the_best_that_was_told_is_the_finalist(tmp_path):
    with session(tmp_path) as search:
        candidates = asked(search)
        result = search.result()
    assert len(candidates) == len({candidate.graph.digest for candidate in candidates}) == 8
    assert all(candidate.cost["macs"] <= 60_000 for candidate in candidates)
    assert result.finalists[0].values == {"value": max(map(value_of, candidates))}
    assert result.interrupted is None
    assert read_result(tmp_path / "out" / "result.json") == result


def test_it_draws_what_a_search_draws(tmp_path, objective_file):
    searched = archlab.search(
        archlab.parse(TINY),
        objective=objective_file("return candidate.cost['params'] / 1000"),
        trials=8,
        latency=False,
        out=tmp_path / "other",
        budget=["macs=60k"],
    )
    with session(tmp_path) as search:
        candidates = asked(search)
    assert [c.graph.digest for c in candidates] == [t.digest for t in searched.trials if t.state == "scored"]


def test_what_was_asked_for_and_not_told_is_asked_for_again(tmp_path):
    with session(tmp_path) as search:
        first = asked(search, 3)
        left = search.ask()
        assert search.result().interrupted == "not all trials were asked for"
    with session(tmp_path) as search:
        again = asked(search)
    assert again[0].graph.digest == left.graph.digest
    digests = [candidate.graph.digest for candidate in (*first, *again)]
    assert len(digests) == len(set(digests)) == 8


def test_a_failed_and_a_stopped_candidate_cost_their_evaluations(tmp_path):
    with session(tmp_path, objective="min:loss", pruner="median") as search:
        one, other, third = search.ask(), None, None
        search.tell(one, None, reason="it diverged")
        other = search.ask()
        assert search.report(other, 0.5, 1) in (True, False)
        search.tell(other, None, pruned=True)
        third = search.ask()
        third.details["epochs"] = 3
        search.tell(third, {"loss": 0.25})
        while (candidate := search.ask()) is not None:
            search.tell(candidate, 0.5)
        result = search.result()
    assert result.counts()["failed"] == result.counts()["pruned"] == 1
    assert result.counts()["scored"] == 6
    assert next(t.reason for t in result.trials if t.state == "failed") == "it diverged"
    assert result.finalists[0].trial == third.number
    assert result.finalists[0].details == {"loss": {"epochs": 3}}


def test_several_objectives_are_told_in_order_or_by_name(tmp_path):
    with session(tmp_path, objective=["accuracy", "min:joules"], trials=2) as search:
        one = search.ask()
        search.tell(one, [0.5, 3.0])
        search.tell(search.ask(), {"joules": 2.0, "accuracy": 0.75})
        result = search.result()
    assert [(o.name, o.direction) for o in result.objectives] == [("accuracy", "maximize"), ("joules", "minimize")]
    assert [f.values for f in result.finalists] == [{"accuracy": 0.75, "joules": 2.0}]


def test_mistakes_are_said_and_cost_nothing(tmp_path):
    search = session(tmp_path, trials=1)
    with pytest.raises(InputError, match="inside its with statement"):
        search.ask()
    with search:
        candidate = search.ask()
        with pytest.raises(InputError, match="was asked for and not told"):
            search.ask()
        for wrong in (float("nan"), True, "high", [1.0, 2.0], {"score": 1.0}):
            with pytest.raises(InputError):
                search.tell(candidate, wrong)
        search.tell(candidate, 1)
        with pytest.raises(InputError, match="told already"):
            search.tell(candidate, 1)
        assert search.ask() is None
    with pytest.raises(InputError, match="is no name of an objective that is told"):
        session(tmp_path, objective="file.py:accuracy")
    with pytest.raises(BudgetError), session(tmp_path, budget=["macs=10"], out=tmp_path / "none"):
        pass


def test_an_exhausted_space_ends(tmp_path):
    with session(tmp_path, budget=["macs=60k"], trials=1000) as search:
        candidates = asked(search)
        assert search.result().interrupted == "no new network within the budget was found"
    assert len({candidate.graph.digest for candidate in candidates}) == len(candidates) < 36


def test_the_studys_own_trials_are_optunas(tmp_path):
    with session(tmp_path, trials=3) as search:
        asked(search)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "out/study.journal"))
    )
    study = optuna.load_study(study_name="tiny", storage=storage)
    assert [trial.state.name for trial in study.trials].count("COMPLETE") == 3


def test_the_docstrings_examples_hold():
    assert doctest.testmod(asking).failed == 0
