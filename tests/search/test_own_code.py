"""Metrics and filters of a user's own: counted before anything is paid, and loud where they are broken."""

from __future__ import annotations

import textwrap

import pytest

import archlab
from archlab.errors import BudgetError, InputError
from archlab.search.counter import Counter, costs_of
from archlab.search.own_code import OwnCodeError, OwnFunction, OwnRules, takes_candidate_alone
from archlab.search.request import make_plan
from tests.search.conftest import TINY

CHIP = """
def energy(candidate):
    return candidate.cost["macs"] * 2e-9 + candidate.cost["params"] * 1e-8

def fits(candidate):
    return candidate.draws["body.depth"] >= 2

def broken(candidate):
    if candidate.cost["params"] > 1000:
        raise KeyError("no such tile")
    return 1.0
"""


@pytest.fixture
def chip(tmp_path):
    path = tmp_path / "chip.py"
    path.write_text(textwrap.dedent(CHIP), encoding="utf-8")
    return path


def energy_of(costs):
    return costs["macs"] * 2e-9 + costs["params"] * 1e-8


def run(tmp_path, **options):
    options = {"objective": "max:params", "trials": 6, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(archlab.parse(TINY), **options)


@pytest.mark.parametrize("sampler", ["screen", "tpe"])
def test_a_metric_of_ones_own_is_a_budget_that_nothing_evaluated_exceeds(tmp_path, chip, sampler):
    name = f"{chip}:energy"
    result = run(tmp_path, budget=[f"{name}=0.1mJ"], sampler=sampler)
    scored = [t for t in result.trials if t.state == "scored"]
    assert len(scored) == 6
    for trial in scored:
        assert trial.cost[name] == pytest.approx(energy_of(trial.cost))
        assert trial.cost[name] <= 1e-4
    assert result.budgets == {name: 1e-4}
    assert result.units == {name: "J"}
    if sampler == "screen":
        assert result.counts()["over_budget"] == 0, "the sampler knows it"


def test_a_metric_of_ones_own_is_minimised_as_an_objective_that_costs_nothing(tmp_path, chip):
    result = run(tmp_path, objective=[f"{chip}:energy", "max:params"], trials=10)
    assert (result.objectives[0].name, result.objectives[0].direction) == (f"{chip}:energy", "minimize")
    for trial in result.trials:
        if trial.state == "scored":
            assert trial.values[f"{chip}:energy"] == pytest.approx(energy_of(trial.cost))


def test_a_filter_refuses_networks_before_they_are_evaluated(tmp_path, chip, objective_file, calls):
    objective = objective_file("return candidate.cost['params']")
    result = run(tmp_path, require=[f"{chip}:fits"], objective=objective, trials=8)
    assert all(t.draws["body.depth"] >= 2 for t in result.trials if t.state == "scored")
    assert result.counts()["over_budget"] == 0
    assert len(calls()) == 8
    tpe = run(tmp_path, require=[f"{chip}:fits"], sampler="tpe", out=tmp_path / "tpe", trials=10)
    refused = [t for t in tpe.trials if t.state == "over_budget"]
    assert refused
    assert {t.reason for t in refused} == {f"refused by {chip}:fits"}


def test_an_exception_ends_the_search_at_once_with_the_line_and_the_mended_file_goes_on(tmp_path, chip, objective_file):
    objective = objective_file("return candidate.cost['params']")
    options = {"objective": objective, "require": f"{chip}:fits", "trials": 8, "budget": ["macs=60k"]}
    run(tmp_path, **options | {"trials": 5})
    chip.write_text(CHIP.replace("candidate.draws", "candidate.drawn"), encoding="utf-8")
    with pytest.raises(InputError, match=r"was judged by other code: chip.py was changed"):
        run(tmp_path, **options)
    with pytest.raises(OwnCodeError) as caught:
        run(tmp_path, **options, accept_changed_code=True)
    assert f"{chip}:6:" in str(caught.value)
    assert "AttributeError" in str(caught.value)
    chip.write_text(CHIP, encoding="utf-8")
    result = run(tmp_path, **options, accept_changed_code=True)
    assert result.counts()["scored"] == 8
    lines = (tmp_path / "calls.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len({line.split()[1] for line in lines}) == 8, "nothing is lost, and nothing paid twice"


@pytest.mark.parametrize("option", ["budget", "objective", "require"])
def test_what_a_function_raises_is_the_searchs_error(tmp_path, chip, option):
    value = {"budget": [f"{chip}:broken=2"], "objective": f"{chip}:broken", "require": f"{chip}:broken"}[option]
    with pytest.raises(OwnCodeError) as caught:
        run(tmp_path, **{option: value})
    if option == "require":
        assert "returned 1.0, neither True nor False" in str(caught.value)
    else:
        assert f"{chip}:10:9: {chip}:broken: KeyError: 'no such tile'" in str(caught.value)


@pytest.mark.parametrize("returned", ["None", "'3'", "True", "float('nan')"])
def test_a_metric_is_a_finite_number(tmp_path, returned):
    path = tmp_path / "m.py"
    path.write_text(f"def m(candidate):\n    return {returned}\n", encoding="utf-8")
    with pytest.raises(OwnCodeError, match="not a finite number"):
        run(tmp_path, objective=f"{path}:m")


def test_nothing_that_a_filter_lets_through_is_said_before_anything_is_paid(tmp_path, objective_file, calls):
    path = tmp_path / "f.py"
    path.write_text("def never(candidate):\n    return False\n", encoding="utf-8")
    with pytest.raises(BudgetError, match=r"was found that .*never lets through"):
        run(tmp_path, objective=objective_file("return 1.0"), require=f"{path}:never")
    assert calls() == []


def test_workers_load_rules_by_name_and_keep_them(tmp_path, chip):
    name = f"{chip}:energy"
    result = run(tmp_path, budget=[f"{name}=0.1mJ", "params>=500"], require=f"{chip}:fits", workers=2, trials=4)
    scored = [t for t in result.trials if t.state == "scored"]
    assert len(scored) == 4
    assert all(t.cost[name] <= 1e-4 and t.cost["params"] >= 500 and t.draws["body.depth"] >= 2 for t in scored)


def test_a_metric_takes_a_candidate_alone_and_an_objective_takes_three():
    assert takes_candidate_alone(lambda candidate: 1.0)
    assert not takes_candidate_alone(lambda module, candidate, trial: 1.0)
    assert not takes_candidate_alone(lambda *anything: 1.0)


def test_a_function_is_called_once_for_a_network_and_not_where_a_limit_is_missed():
    interpreter = archlab.Interpreter(archlab.load_space(TINY))
    network = interpreter.network(archlab.Fixed({}))
    seen = []
    own = OwnFunction("m", lambda candidate: seen.append(candidate.text) or 1.0)
    costs = costs_of(network)
    counter = Counter(interpreter, archlab.parse_budget([f"macs={int(costs['macs'])}"]), OwnRules((own,)))
    assert counter.count(network).costs["m"] == counter.count(network).costs["m"] == 1.0
    assert len(seen) == 1
    assert archlab.elaborate(archlab.parse(seen[0])).digest == network.digest
    tight = Counter(interpreter, archlab.parse_budget([f"macs={int(costs['macs']) - 1}"]), OwnRules((own,)))
    assert "m" not in tight.count(network).costs
    assert len(seen) == 1


def test_a_relative_limit_on_a_metric_of_ones_own_is_of_the_default_draw(chip):
    name = f"{chip}:energy"
    made = make_plan(archlab.parse(TINY), objective="macs", budget=[f"{name}=0.5x"])
    default = costs_of(archlab.Interpreter(archlab.load_space(TINY)).network(archlab.Fixed({})))
    assert dict(made.stages[0].budget.limits)[name] == pytest.approx(0.5 * energy_of(default))


def test_a_function_of_this_process_can_be_an_objective(tmp_path):
    def energy(candidate):
        return candidate.cost["macs"] * 1e-9

    result = run(tmp_path, objective=energy, trials=4)
    assert result.finalists[0].values["energy"] == min(t.cost["macs"] for t in result.trials) * 1e-9
    with pytest.raises(InputError, match="a function of this process"):
        run(tmp_path, objective=energy, workers=2, out=tmp_path / "two")
