"""A search by a profile: latency is a closed form like the others, and nothing over its budget is paid for."""

from __future__ import annotations

import dataclasses
import random

import optuna
import pytest

import archlab
from archlab.elaborate import Fixed, Interpreter, Random, load
from archlab.errors import BudgetError, InputError
from archlab.report.finalist_table import terminal_columns
from archlab.search.request import make_plan
from archlab.search.result import read_result
from archlab.search.storage.open_storage import opened_storage
from archlab.search.study.carried_plan import read_plan
from tests.latency.profiles import by_hand, profile_here, write_here
from tests.search.conftest import TINY


def predicted(draws):
    return by_hand(Interpreter(load(archlab.parse(TINY))).network(Fixed(draws)))


def run(tmp_path, objective="params", **options):
    return archlab.search(
        archlab.parse(TINY), **{"objective": objective, "trials": 6, "out": tmp_path / "out", "top": 2, **options}
    )


@pytest.fixture
def profile(tmp_path):
    return write_here(tmp_path / "my-device.json")


@pytest.fixture
def limit(profile):
    """The median latency of the space's draws, as a budget."""
    del profile
    interpreter, rng = Interpreter(load(archlab.parse(TINY))), random.Random(0)
    seconds = sorted(by_hand(interpreter.network(Random(rng))) for _ in range(41))
    return f"latency={seconds[20] * 1e6:.3f}us"


def test_no_candidate_over_the_budget_is_evaluated(tmp_path, profile, limit):
    result = run(tmp_path, budget=[limit], profile=profile, sampler="tpe")
    most = result.budgets["latency"]
    scored = [trial for trial in result.trials if trial.state == "scored"]
    assert len(scored) == 6
    for trial in result.trials:
        if trial.state in ("scored", "over_budget"):
            assert trial.cost["latency"] == pytest.approx(predicted(trial.draws), rel=1e-9)
            assert (trial.cost["latency"] <= most) == (trial.state == "scored")
    assert all(trial.digest is None for trial in result.trials if trial.state == "over_budget"), "none was built"


def test_finalists_are_measured_and_told_beside_what_was_predicted(tmp_path, profile, limit):
    result = run(tmp_path, budget=[limit], profile=profile)
    assert len(result.finalists) == 2
    for finalist in result.finalists:
        assert finalist.latency.median > 0
        assert finalist.predicted.seconds == pytest.approx(predicted(result.trials[finalist.trial].draws), rel=1e-9)
        assert finalist.predicted.low == pytest.approx(0.9 * finalist.predicted.seconds)
    columns = terminal_columns(result)
    assert len(columns["predicted"]) == len(columns["latency"]) == 2
    page = tmp_path / "report.html"
    archlab.write_report(result, page)
    assert "Predicted latency" in page.read_text()
    assert "nine of ten networks" in page.read_text()
    assert read_result(tmp_path / "out" / "result.json") == result


def test_latency_is_an_objective(tmp_path, profile):
    result = run(tmp_path, ["latency", "params"], profile=profile, latency=False)
    for trial in result.trials:
        if trial.state == "scored":
            assert trial.values["latency"] == trial.cost["latency"]
    assert all(finalist.latency is None and finalist.predicted is not None for finalist in result.finalists)


def test_a_budget_can_be_a_share_of_the_default_draw(tmp_path, profile):
    result = run(tmp_path, budget=["latency=1.5x"], profile=profile)
    assert result.budgets["latency"] == pytest.approx(1.5 * predicted({}))


def test_a_budget_can_be_from_below(tmp_path, profile, limit):
    result = run(tmp_path, budget=[limit.replace("=", ">=")], profile=profile, sampler="tpe")
    least = result.floors["latency"]
    assert [trial.state for trial in result.trials].count("scored") == 6
    for trial in result.trials:
        if trial.state in ("scored", "over_budget"):
            assert (predicted(trial.draws) >= least) == (trial.state == "scored")


def test_a_budget_that_nothing_meets_is_refused_before_anything_is_built(tmp_path, profile):
    with pytest.raises(BudgetError, match="no network of tiny meets latency ≤"):
        run(tmp_path, budget=["latency=1us"], profile=profile)


def test_a_study_goes_on_with_its_own_profile_alone(tmp_path, profile, limit):
    run(tmp_path, budget=[limit], profile=profile, latency=False)
    again = run(tmp_path, budget=[limit], profile=profile, latency=False, trials=8)
    assert again.counts()["scored"] == 8
    other = write_here(tmp_path / "other.json", scale=1.5)
    with pytest.raises(InputError, match="was made with profile"):
        run(tmp_path, budget=[limit], profile=other, latency=False, trials=9)
    with pytest.raises(InputError, match="was made with profile"):
        run(tmp_path, budget=[limit], latency=False, trials=9)


def test_a_worker_reads_the_profile_that_the_study_names(tmp_path, profile, limit):
    run(tmp_path, budget=[limit], profile=profile, latency=False)
    with opened_storage(str(tmp_path / "out" / "study.journal"), 60, None) as opened:
        study = optuna.load_study(study_name="tiny", storage=opened.storage)
        carried = read_plan(study, "the journal", trusted=())
        network = Interpreter(carried.space).network(Fixed({}))
        assert carried.stage.budget.latency(network) == pytest.approx(predicted({}))
        assert [name for name, _ in carried.stage.budget.closed_form.limits] == ["latency"]
        write_here(profile, scale=2.0)
        with pytest.raises(InputError, match="is not what the study 'tiny' in the journal was begun with"):
            read_plan(study, "the journal", trusted=())


def test_without_a_profile_a_note_says_what_one_would_take(tmp_path):
    notes = []
    make_plan(archlab.parse(TINY), budget=["latency=1s"], out=tmp_path, note=notes.append)
    assert any("takes at most 3 minutes once" in note for note in notes)
    notes.clear()
    make_plan(archlab.parse(TINY), budget=["macs=1G"], out=tmp_path, note=notes.append)
    assert not any("device profile" in note for note in notes)


def test_a_profile_of_other_threads_is_refused(tmp_path, profile):
    with pytest.raises(InputError, match="its threads is 1, here 2"):
        run(tmp_path, profile=profile, threads=2)


def test_a_profile_of_another_machine_is_refused(tmp_path):
    other = write_here(tmp_path / "p.json", machine=dataclasses.replace(profile_here().machine, cpu="Other"))
    with pytest.raises(InputError, match="its processor is Other"):
        run(tmp_path, profile=other)


def test_a_script_that_asks_gets_what_the_profile_lets_through(tmp_path, profile, limit):
    options = {"budget": [limit], "profile": profile, "trials": 4, "out": tmp_path / "out"}
    with archlab.ask_tell(archlab.parse(TINY), **options) as search:
        while (candidate := search.ask()) is not None:
            assert candidate.cost["latency"] == pytest.approx(by_hand(archlab.elaborate(candidate.text)))
            search.tell(candidate, 1.0)
        result = search.result()
    assert len(result.trials) == 4
    assert all(trial.cost["latency"] <= result.budgets["latency"] for trial in result.trials)
