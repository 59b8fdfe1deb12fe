"""The eight counts: how they add up, and what follows from them, by hand."""

from __future__ import annotations

import dataclasses

import pytest

from archlab.audit.audit_result import Audit
from archlab.audit.counts import COUNTS, Counts
from archlab.audit.findings import Deployed, Module, Operator

ONE = Counts(macs=1, bias=2, norm=3, pool=4, elementwise=5, activations=6, read=7, written=8)


def test_counts_add_up_one_by_one():
    assert Counts(2, 4, 6, 8, 10, 12, 14, 16) == ONE + ONE
    assert sum([ONE, ONE, ONE], Counts()).counts() == {name: 3 * (i + 1) for i, name in enumerate(COUNTS)}


def test_a_mac_is_two_operations_and_activations_are_none():
    assert ONE.operations == 2 * 1 + 2 + 3 + 4 + 5
    assert ONE.bytes == 7 + 8
    assert ONE.intensity == 16 / 15


def test_what_moves_no_byte_has_no_intensity():
    assert Counts(macs=5).intensity == 0.0


def test_counts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE.macs = 2


@pytest.mark.parametrize("kind", [Operator, Module, Audit, Deployed])
def test_whatever_has_counts_declares_none_of_its_own(kind):
    assert issubclass(kind, Counts)
    assert not set(COUNTS) & set(vars(kind).get("__annotations__", {}))
