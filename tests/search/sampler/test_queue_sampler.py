from __future__ import annotations

import optuna
import pytest

from archlab.search.sampler.queue_sampler import QueueSampler


def test_a_queue_draws_nothing_of_its_own():
    study = optuna.create_study(sampler=QueueSampler())
    study.enqueue_trial({"x": 3})
    assert study.ask().suggest_int("x", 0, 9) == 3
    with pytest.raises(Exception, match="every candidate of this stage was evaluated"):
        study.ask().suggest_int("x", 0, 9)
