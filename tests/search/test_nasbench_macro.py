"""The space of NAS-Bench-Macro against its table of trained networks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from archlab.cost import cost
from benchmarks.macro import TABLE, read_table
from benchmarks.search import hypervolume

EXCERPT = Path(__file__).parents[1] / "data" / "nasbench_macro.csv"
needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"the whole table of NAS-Bench-Macro is not at {TABLE}: its excerpt was compared"
)


def test_the_networks_of_the_excerpt_have_the_tables_parameters_and_flops(tmp_path):
    path = tmp_path / "excerpt.csv.gz"
    path.write_bytes(gzip.compress(EXCERPT.read_bytes()))
    table = read_table(path)
    assert len(table.accuracy) == 17
    assert 80 < min(table.accuracy.values()) < max(table.accuracy.values()) < 95
    for key in table.accuracy:
        counted = cost(table.network(key))
        assert (counted.params, counted.macs) == (table.params[key], table.flops[key])


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
