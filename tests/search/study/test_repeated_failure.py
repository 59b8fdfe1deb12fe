from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.search.result import Trial
from archlab.search.study.repeated_failure import refuse_repeated_failure, repeated_failure

BOOM = "mine.py:value: ValueError: boom (mine.py:7)"
ELSEWHERE = "mine.py:value: ValueError: boom (mine.py:8)"


def trials(*ends):
    states = ("scored", "pruned", "over_budget", "repeated")
    return [
        Trial(i, end, {}, {}) if end in states else Trial(i, "failed", {}, {}, reason=end) for i, end in enumerate(ends)
    ]


@pytest.mark.parametrize(
    "ends",
    [
        (BOOM, BOOM, BOOM),
        ("scored", BOOM, BOOM, BOOM),
        (BOOM, "over_budget", BOOM, "repeated", BOOM, "repeated"),
        ("f: it called os._exit(0) (mine.py:7)",) * 3,
    ],
)
def test_the_last_three_evaluations_failed_alike(ends):
    assert repeated_failure(trials(*ends)) == [end for end in ends if "(" in end][-1]


@pytest.mark.parametrize(
    "ends",
    [
        (),
        (BOOM, BOOM),
        (BOOM, BOOM, "scored"),
        (BOOM, BOOM, "pruned", BOOM),
        (BOOM, BOOM, ELSEWHERE),
        (BOOM, BOOM, BOOM, "scored"),
        ("value is nan",) * 3,
        ("it took longer than 30m (--trial-timeout)",) * 3,
        (BOOM, BOOM, "mine.py:value: ValueError: bang (mine.py:7)"),
    ],
)
def test_they_did_not(ends):
    assert repeated_failure(trials(*ends)) is None


def test_the_message_has_the_line_and_the_ways_on():
    with pytest.raises(InputError, match=r"failed with the same error: .*boom \(mine\.py:7\)") as refused:
        refuse_repeated_failure(trials(BOOM, BOOM, BOOM))
    assert "--retry-failed" in refused.value.hint
    assert "--keep-going" in refused.value.hint
