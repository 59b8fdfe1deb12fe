"""The space of NAS-Bench-Macro against its table of trained networks."""

from __future__ import annotations

import pytest

from archlab.cost import cost
from benchmarks.macro import TABLE, read_table
from benchmarks.search import hypervolume

needs_table = pytest.mark.skipif(not TABLE.exists(), reason=f"the table of NAS-Bench-Macro is not at {TABLE}")


@needs_table
def test_every_network_has_the_tables_parameters_and_flops_to_the_unit():
    table = read_table(TABLE)
    assert len(table.accuracy) == 3**8
    for key in table.accuracy:
        counted = cost(table.network(key))
        assert (counted.params, counted.macs) == (table.params[key], table.flops[key])


def test_the_hypervolume_of_a_staircase_is_its_area():
    points = [(3.0, 3.0), (1.0, 1.0), (2.0, 2.0), (1.0, 2.0)]
    assert hypervolume(points, (0.0, 4.0)) == 3 * 1 + 2 * 1 + 1 * 1
