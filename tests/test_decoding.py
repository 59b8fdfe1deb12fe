"""JSON data as dataclasses: each field of its type, or the first that is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from archlab.decoding import LARGEST, MisfitError, decode


@dataclass(frozen=True)
class Inner:
    name: str
    size: int | float | str = 0


@dataclass(frozen=True)
class Outer:
    kind: Literal["a", "b"]
    inner: tuple[Inner, ...]
    table: dict[str, float]
    flag: bool = False
    maybe: Inner | None = None
    free: Any = None


WHOLE: dict[str, Any] = {"kind": "a", "inner": [{"name": "x", "size": 2.5}], "table": {"y": 1}}


def test_every_type_is_made():
    data = WHOLE | {"flag": True, "maybe": {"name": "z"}, "free": [{"a": None}]}
    assert decode(Outer, data, "it") == Outer("a", (Inner("x", 2.5),), {"y": 1}, True, Inner("z"), [{"a": None}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "c"}, "it.kind holds 'c'"),
        ({"kind": ["a"]}, "it.kind holds ['a']"),
        ({"inner": {"name": "x"}}, "it.inner holds {'name': 'x'}"),
        ({"inner": [{"name": 1}]}, "it.inner[0].name holds 1"),
        ({"inner": [{}]}, "it.inner[0] lacks its part 'name'"),
        ({"inner": [[]]}, "it.inner[0] holds [], not an object"),
        ({"inner": [{"name": "x", "size": True}]}, "it.inner[0].size holds True"),
        ({"table": {"y": "1"}}, "it.table.y holds '1'"),
        ({"table": {"y": float("nan")}}, "it.table.y holds nan"),
        ({"table": {"y": LARGEST + 1}}, f"it.table.y holds {LARGEST + 1}"),
        ({"table": {"y": None}}, "it.table.y holds None"),
        ({"flag": 1}, "it.flag holds 1"),
        ({"maybe": "x"}, "it.maybe holds 'x'"),
        ({"other": 1}, "it has no part 'other'"),
    ],
)
def test_the_first_misfit_is_named_by_its_place(change: dict[str, Any], message: str):
    with pytest.raises(MisfitError) as caught:
        decode(Outer, WHOLE | change, "it")
    assert str(caught.value) == message
