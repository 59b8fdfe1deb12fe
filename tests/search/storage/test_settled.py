from __future__ import annotations

import random

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from archlab.search.storage import claim as claims
from archlab.search.storage import ledger
from archlab.search.storage.claim import SettledClaims
from archlab.search.storage.ledger import Ledger, is_untold
from archlab.search.storage.settled import count_settled
from archlab.search.storage.trial_record import CLAIM, RECORD, is_evaluated


def trial(number, state, record="scored", digest="a"):
    finished = {"value": 1.0} if state == TrialState.COMPLETE else {}
    attrs = {} if record is None else {RECORD: {"state": record}}
    made = create_trial(state=state, user_attrs=attrs, system_attrs={CLAIM: digest}, **finished)
    made.number, made._trial_id = number, 100 + number
    return made


def drawn(rng, number):
    state = rng.choice([TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING])
    return trial(number, state, rng.choice(["scored", "failed", "repeated", None]), rng.choice("abcdefgh"))


@pytest.mark.parametrize("seed", range(20))
def test_counts_and_owners_are_those_of_a_look_at_every_trial(seed):
    rng, trials = random.Random(seed), []
    count, owners = Ledger(), SettledClaims()
    for _ in range(60):
        trials.append(drawn(rng, len(trials)))
        for i, before in enumerate(trials):
            if not before.state.is_finished() and rng.random() < 0.4:
                trials[i] = trial(i, rng.choice([TrialState.COMPLETE, TrialState.FAIL]), "scored", rng.choice("abc"))
        number = rng.choice([None, rng.randrange(len(trials))])
        looked_at = [t for t in trials if number is None or t.number < number]
        open_ones = (TrialState.RUNNING,) if number is None else (TrialState.RUNNING, TrialState.WAITING)
        begun = [
            t.state in open_ones or (t.state.is_finished() and (is_evaluated(t) or is_untold(t))) for t in looked_at
        ]
        count.read(trials)
        assert count.count_begun(number) == sum(begun)
        mine = rng.choice(trials)
        if not mine.state.is_finished():
            digest = rng.choice("abcdefgh")
            theirs = [
                t.number for t in trials if t is not mine and t.system_attrs[CLAIM] == digest and claims._counts(t)
            ]
            assert owners.owner(trials, digest, mine._trial_id) == (theirs[0] if theirs else None)


def test_a_settled_trial_is_looked_at_once(monkeypatch):
    looks = []
    monkeypatch.setattr(ledger, "is_evaluated", lambda trial: looks.append(trial.number) or True)
    trials, count = [], Ledger()
    for number in range(200):
        trials.append(trial(number, TrialState.COMPLETE))
        count.read(trials)
        assert count.count_begun() == number + 1
    assert looks == list(range(200))


def test_what_runs_is_not_settled_nor_what_comes_after_it():
    trials = [trial(0, TrialState.COMPLETE), trial(1, TrialState.RUNNING), trial(2, TrialState.COMPLETE)]
    assert count_settled(trials, 0) == 1
    trials[1] = trial(1, TrialState.FAIL)
    assert count_settled(trials, 1) == 3
    assert count_settled([], 0) == 0


def test_trials_of_a_study_are_numbered_as_they_stand():
    study = optuna.create_study()
    for _ in range(5):
        study.ask()
    assert [t.number for t in study.get_trials(deepcopy=False)] == list(range(5))
