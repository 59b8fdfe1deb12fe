from __future__ import annotations

import numpy as np
import pytest

from archlab.search.candidate import MAX_CHARACTERS, plain_details


def test_numbers_of_numpy_become_plain_and_what_is_not_finite_null():
    assert plain_details({"a": np.float32(0.5), "b": np.arange(2), 3: float("inf"), "t": (True, None)}) == {
        "a": 0.5,
        "b": [0, 1],
        "3": None,
        "t": [True, None],
    }


def nested(depth):
    return {"in": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"a": object()}, "object is not JSON"),
        ({"a": "x" * MAX_CHARACTERS}, "16,393 characters of JSON, more than 16,384"),
        (nested(20), "nested more than 8 deep"),
    ],
)
def test_what_cannot_be_kept_is_dropped_with_the_reason(details, why):
    assert plain_details(details) == {"dropped": why}
