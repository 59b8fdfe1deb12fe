"""Counts by stage and by kind of operator, of modules and operators made by hand."""

from __future__ import annotations

import pytest

from archlab.audit.breakdown import largest_first, ratios, stages_of, table_rows, totals_by_op, uncounted_in
from archlab.audit.counts import COUNTS
from archlab.audit.findings import Module, Operator
from archlab.errors import InputError


def module(path, macs=0, params=0):
    return Module(
        path=path, kind="M", calls=1, params=params, shared=0, own=0, operators=int(bool(macs)), memory=0, macs=macs
    )


def operator(op, where="", counted=True, **counts):
    return Operator(
        name=op,
        op=op,
        target=f"aten.{op}.default",
        module=where,
        inputs=(),
        shapes=(),
        dtype="float32",
        params=(),
        live=0,
        counted=counted,
        **counts,
    )


def test_a_child_with_nearly_all_of_the_work_is_taken_apart():
    modules = [module("", 100), module("stem", 10), module("body", 90), module("body.0", 40), module("body.1", 50)]
    assert [m.path for m in stages_of(modules)] == ["stem", "body.0", "body.1"]
    modules = [module("", 100), module("a", 50), module("b", 50), module("b.0", 25), module("b.1", 25)]
    assert [m.path for m in stages_of(modules)] == ["a", "b"]


def test_children_without_work_and_parameters_are_no_stages():
    assert [m.path for m in stages_of([module("", 1), module("a", 1), module("b")])] == ["a"]


def test_totals_of_each_kind_of_operator():
    calls = [operator("relu", elementwise=4), operator("conv2d", macs=9, read=2), operator("relu", elementwise=6)]
    relu, conv = totals_by_op(calls)
    assert (relu.op, relu.calls, relu.elementwise) == ("relu", 2, 10)
    assert largest_first([relu, conv]) == [conv, relu]
    assert table_rows("op", [], calls)[0] == {
        "op": "conv2d",
        "calls": 1,
        **dict.fromkeys(COUNTS, 0),
        "macs": 9,
        "read": 2,
    }


def test_what_is_not_counted_is_listed_with_its_places():
    calls = [operator("a"), operator("b", "x", counted=False), operator("c", "y", counted=False)]
    calls += [operator("c", "z", counted=False), operator("c", "y", counted=False)]
    assert [(u.op, u.times, u.modules) for u in uncounted_in(calls)] == [
        ("aten.c.default", 3, ("y", "z")),
        ("aten.b.default", 1, ("x",)),
    ]


def test_a_table_that_does_not_exist():
    with pytest.raises(InputError, match="no table by 'modul'"):
        table_rows("modul", [], [])


def test_ratios_leave_out_what_has_no_base():
    assert ratios({"macs": 4, "norm": 0}, {"macs": 6, "norm": 1}) == {"macs": 1.5}
