from __future__ import annotations

import itertools
import random

import numpy as np
import optuna
import pytest

from archlab.cost import Budget
from archlab.errors import BudgetError, ExhaustedError
from archlab.search.counter import costs_of
from archlab.search.sampler.policy import Policy
from archlab.search.sampler.screen import BATCH, START, ScreenSampler
from archlab.search.storage.put_back import put_back
from archlab.search.storage.trial_record import CLAIM, PLAN, RECORD
from archlab.search.trial_draw import FromTrial
from tests.search.sampler.spaces import WIDTHS, interpreter_of
from tests.search.test_closed_form import every_network

WIDTHS += "\nhead: gap -> fc(10)"


@pytest.fixture(autouse=True)
def quiet():
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(level)


def study_of(sampler, directions=("maximize",), storage=None):
    return optuna.create_study(directions=list(directions), sampler=sampler, storage=storage, load_if_exists=True,
                               study_name="s")  # fmt: skip


def asked(study, interpreter):
    trial = study.ask()
    return trial, interpreter.network(FromTrial(trial))


@pytest.mark.parametrize("limit", [40_000, 25_000, 1e9])
def test_every_network_within_the_budget_comes_once_and_no_other_ever(limit):
    interpreter = interpreter_of()
    allowed = {n.digest for n in every_network(interpreter) if costs_of(n)["macs"] <= limit}
    study = study_of(ScreenSampler(interpreter, Budget((("macs", float(limit)),))))
    seen = []
    for _ in allowed:
        trial, network = asked(study, interpreter)
        seen.append(network.digest)
        study.tell(trial, costs_of(network)["params"])
    with pytest.raises(ExhaustedError, match="no network within the budget is left"):
        asked(study, interpreter)
    assert len(seen) == len(set(seen))
    assert set(seen) == allowed


def test_several_budgets_at_once_are_all_met():
    interpreter = interpreter_of(WIDTHS)
    budget = Budget((("macs", 2e6), ("params", 20e3), ("memory", 60e3)))
    study = study_of(ScreenSampler(interpreter, budget))
    for i in range(3 * START):
        trial, network = asked(study, interpreter)
        assert budget.allows(costs_of(network))
        study.tell(trial, float(i % 4))


def test_an_impossible_budget_is_refused():
    interpreter = interpreter_of()
    study = study_of(ScreenSampler(interpreter, Budget((("params", 100.0),))))
    with pytest.raises(BudgetError, match="the smallest found has 298"):
        asked(study, interpreter)


def test_an_empty_band_is_told_once_and_the_rest_is_searched():
    # Two networks, the larger far below the budget.
    interpreter = interpreter_of("net n(input=3x8x8)\nstem: conv({4, 8})\nhead: gap -> fc(2)")
    notes = []
    study = study_of(ScreenSampler(interpreter, Budget((("params", 1e6),)), note=notes.append))
    found = {asked(study, interpreter)[1].digest for _ in range(2)}
    assert len(found) == 2
    (note,) = notes
    assert note.startswith("no network was found between 85 % and 100 % of the budget (params ≤ 1.000 M)")


def test_the_best_of_a_large_space_is_found_by_its_regularity():
    # 16^5 networks; the value saturates in each width, so that the budget must be shared out evenly.
    interpreter = interpreter_of(WIDTHS)
    budget = Budget((("macs", 1.5e6),))

    def value(network):
        return float(sum(1 - np.exp(-c / 24) for c in network.draws.values()))

    def best(sampler, n=60):
        study = study_of(sampler)
        values = []
        while len(values) < n:
            trial, network = asked(study, interpreter)
            feasible = budget.allows(costs_of(network))
            study.tell(trial, value(network) if feasible else 0.0)
            values.append(value(network) if feasible else 0.0)
        return max(values)

    ours = [best(ScreenSampler(interpreter, budget, seed=seed)) for seed in range(3)]
    theirs = [best(optuna.samplers.RandomSampler(seed=seed), n=600) for seed in range(3)]
    assert min(ours) > max(theirs), "60 evaluations beat ten times as many random ones"


def volume(points):
    """The area that points (larger is better) dominate above (0, -400 000), by a sweep."""
    total, top = 0.0, -400_000.0
    for x, y in sorted(points, reverse=True):
        total, top = total + x * max(0.0, y - top), max(top, y)
    return total


def test_two_objectives_reach_nearly_all_of_the_volume():
    interpreter = interpreter_of()

    def values(network):
        costs = costs_of(network)
        return costs["activations"], -costs["macs"]

    whole = volume([values(n) for n in every_network(interpreter)])
    study = study_of(ScreenSampler(interpreter, metrics=(None, "macs")), ("maximize", "minimize"))
    found = []
    for _ in range(START + 2 * BATCH):
        trial, network = asked(study, interpreter)
        found.append(values(network))
        study.tell(trial, (found[-1][0], -found[-1][1]))
    assert volume(found) > 0.99 * whole


def test_workers_that_share_a_storage_never_get_the_same_network():
    storage = optuna.storages.InMemoryStorage()
    interpreter = interpreter_of(WIDTHS)
    budget = Budget((("macs", 1e6),))
    studies = [study_of(ScreenSampler(interpreter, budget, seed=0), storage=storage) for _ in range(4)]
    digests = []
    for _ in range(20):
        # All ask before any tells: four evaluations are always under way.
        running = [(study, *asked(study, interpreter)) for study in studies]
        for study, trial, network in running:
            digests.append(network.digest)
            study.tell(trial, costs_of(network)["params"])
    assert len(digests) == len(set(digests)) == 80


def test_failed_and_pruned_trials_are_avoided_and_not_drawn_again():
    interpreter = interpreter_of(WIDTHS)
    study = study_of(ScreenSampler(interpreter, Budget((("macs", 3e6),))))
    states = []
    digests = set()
    for _ in range(START + 8 * BATCH):
        trial, network = asked(study, interpreter)
        digests.add(network.digest)
        wide = network.draws["s0.conv.c"] > 32
        states.append(wide)
        if wide:
            study.tell(
                trial, state=optuna.trial.TrialState.PRUNED if trial.number % 2 else optuna.trial.TrialState.FAIL
            )
        else:
            study.tell(trial, float(sum(network.draws.values())))
    assert len(digests) == len(states)
    assert sum(states[-20:]) < sum(states[:START]) / START * 20, "what fails is drawn less and less"


def test_noise_and_equal_values_do_no_harm():
    interpreter = interpreter_of(WIDTHS)
    rng = random.Random(0)
    for value in (lambda network: rng.gauss(0, 1), lambda network: 1.0):
        study = study_of(ScreenSampler(interpreter, Budget((("macs", 3e6),))))
        for _ in range(START + 3 * BATCH):
            trial, network = asked(study, interpreter)
            study.tell(trial, value(network))


def test_the_same_seed_draws_the_same():
    interpreter = interpreter_of(WIDTHS)

    def draws(seed, **options):
        study = study_of(ScreenSampler(interpreter, Budget((("macs", 3e6),)), seed=seed, **options))
        found = []
        for _ in range(START + 2 * BATCH):
            trial, network = asked(study, interpreter)
            study.tell(trial, costs_of(network)["params"])
            found.append(dict(network.draws))
        return found

    assert draws(0) == draws(0)
    assert draws(0) != draws(1)
    bold = draws(0, policy=Policy(deviations=9.0))
    assert bold[:START] == draws(0)[:START]
    assert bold != draws(0), "what little is known of is hoped for more"


def test_a_parameter_that_is_no_hole_is_drawn_too():
    interpreter = interpreter_of()

    def objective(trial):
        network = interpreter.network(FromTrial(trial))
        return costs_of(network)["params"] * trial.suggest_float("lr", 1e-3, 1e-1, log=True)

    study = study_of(ScreenSampler(interpreter))
    study.optimize(objective, n_trials=20)
    assert len({trial.params["lr"] for trial in study.trials}) == 20


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_network_whose_worker_died_on_the_way_to_it_is_free_again(at):
    """Its trial holds the network's claim and the first ``at`` of its holes; the retry fills the rest."""
    interpreter = interpreter_of()
    everything = {network.digest for network in every_network(interpreter)}
    study = study_of(ScreenSampler(interpreter))
    study.set_user_attr(PLAN, {})
    dying = study.ask()
    if not at:
        study.sampler.infer_relative_search_space(study, study.get_trials()[dying.number])
    draw, met = FromTrial(dying), itertools.count()
    with pytest.raises(KeyboardInterrupt):
        interpreter.network(lambda hole: draw(hole) if not hole.searched or next(met) < at else raise_interrupt())
    (dead,) = study.trials
    assert len(dead.params) == at

    study.sampler = ScreenSampler(interpreter)  # of another worker
    assert set(evaluated(study, interpreter)) == everything - {dead.system_attrs[CLAIM]}, "it is another's, so far"
    put_back(study, dead)
    assert dead.system_attrs[CLAIM] in evaluated(study, interpreter)


def raise_interrupt():
    raise KeyboardInterrupt


def evaluated(study, interpreter):
    """The digests of all that is left to evaluate."""
    seen = []
    while True:
        try:
            trial, network = asked(study, interpreter)
        except ExhaustedError:
            return seen
        trial.set_user_attr(RECORD, {"state": "scored"})
        study.tell(trial, costs_of(network)["params"])
        seen.append(network.digest)


def test_a_failure_teaches_and_a_death_does_not():
    interpreter = interpreter_of()
    study = study_of(ScreenSampler(interpreter))
    study.set_user_attr(PLAN, {})
    failed, died = asked(study, interpreter)[0], asked(study, interpreter)[0]
    failed.set_user_attr(RECORD, {"state": "failed"})
    for trial in (failed, died):
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    asked(study, interpreter)
    book = study.sampler._seen
    assert (len(book.values), len(book.taken & book.claimed)) == (1, 0)
