"""The promise, at every write: ``python -m benchmarks.faults`` is the whole of which this is a sample."""

from __future__ import annotations

import gc

import pytest
import torch

from benchmarks.faults import kinds_for, sweep, warm_up
from benchmarks.promise import audit
from benchmarks.sabotage import KINDS

EVERY = {("journal", 1): 1, ("journal", 2): 4, ("sqlite", 1): 8, ("sqlite", 2): 11}
"""How many writes apart faults are, by storage and workers; each kind of fault begins at another one."""


@pytest.fixture(scope="module", autouse=True)
def warm():
    threads = torch.get_num_threads()
    warm_up()
    yield
    gc.unfreeze()
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("storage", "workers", "kind"), [(*case, kind) for case in EVERY for kind in kinds_for(case[0])]
)
def test_whatever_dies_or_fills_up_at_a_write_no_evaluation_is_lost_or_counted_twice(storage, workers, kind):
    every = EVERY[storage, workers]
    first = 1 + list(KINDS).index(kind) % every
    cases = list(sweep(storage, workers, kind, every, first))
    assert len(cases) >= (2 if workers == 1 else 1), "of two workers, the other may do all but the first trial"
    assert {f"{case.fault.kind} at write {case.fault.at}": broken for case, broken in cases if broken} == {}


FOUND = {"first": [[0, "scored", "a"], [1, "scored", "b"], [2, "scored", "c"]], "evaluated": 3, "interrupted": None,
         "second": [[0, "a"], [1, "b"]], "judged": 2, "states": [["COMPLETE"]]}  # fmt: skip
EVENTS = [(word, name) for name in ("first:a", "first:b", "first:c", "second:a", "second:b")
          for word in ("begun", "ended", "recorded")]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "events", "said"),
    [
        ({}, EVENTS, []),
        ({}, [("begun", "first:a"), *EVENTS], []),
        ({}, [*EVENTS, ("begun", "first:a")], ["first:a was evaluated again after its record was written"]),
        ({}, [("begun", "first:a")] * 2 + EVENTS, ["7 evaluations for 5, and one that a fault may cost"]),
        ({}, [*EVENTS, ("ended", "first:d")], ["first:d had ended and is lost"]),
        ({}, EVENTS[3:], ["first:a is in the result and never ended"]),
        ({"evaluated": 4}, EVENTS, ["the count: 3, 4, 2, 2"]),
        ({"second": [[0, "a"], [1, "a"]]}, EVENTS,
         ["second:a is in the result 2 times", "second:b had ended and is lost"]),
        ({"states": [["RUNNING"]]}, EVENTS, ["a trial is left RUNNING"]),
        ({"interrupted": "by the user"}, EVENTS, ["it says that it was interrupted: by the user"]),
    ],
)  # fmt: skip
def test_the_audit_sees_what_breaks_the_promise(found, events, said):
    assert audit({**FOUND, **found}, events) == said
