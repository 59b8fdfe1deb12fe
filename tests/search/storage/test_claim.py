from __future__ import annotations

import optuna

from archlab.search.storage.claim import claim


def test_of_two_that_claim_a_network_the_later_gives_way_and_a_dead_claim_does_not_count():
    study = optuna.create_study()
    first, second, third = (study.ask() for _ in range(3))
    assert claim(study, first, "a") is None
    assert claim(study, second, "a") == first.number
    assert claim(study, second, "b") is None
    study.tell(first, state=optuna.trial.TrialState.FAIL)  # its worker died: no record
    assert claim(study, third, "a") is None
