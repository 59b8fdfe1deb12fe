"""Tables of a network's cost, and the spaces that are listed."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from archlab.cost import cost
from archlab.elaborate import Network, elaborate
from archlab.grammar.parse import parse
from archlab.measured import Recount
from archlab.report.network_tables import network_data, network_lines, network_table

TEXT = "net n(input=3x32x32)\nstem: conv(8, 3, s=2)\nhead: gap -> fc(10)\n"


@pytest.fixture
def network() -> Network:
    return elaborate(parse(TEXT))


def lines_of(network: Network, by: str) -> list[list[str]]:
    console = Console(width=160, no_color=True)
    with console.capture() as captured:
        console.print(network_table(network, by))
    return [line.split() for line in captured.get().splitlines()]


def test_stages_have_their_share_and_the_total_comes_last(network: Network):
    rows = [row for row in lines_of(network, "stage") if row and row[0] in ("stem", "head", "total")]
    # 27 weights to each of 8 channels on 16x16; 8 features to 10.
    assert [row[0] for row in rows] == ["stem", "head", "total"]
    assert rows[0][3:7] == ["55.30", "k", "99.9", "%"]
    assert rows[1][3:6] == ["80", "0.1", "%"]


def test_operators_stand_by_their_macs(network: Network):
    names = [row[0] for row in lines_of(network, "op") if row]
    assert names.index("conv2d") < names.index("linear")


def test_the_lines_below_have_exact_totals_and_the_verdict(network: Network):
    macs = 27 * 8 * 16 * 16 + 80
    assert network_lines(network)[0].startswith(f"params {cost(network).params:,}  MACs {macs:,}")
    counted = Recount(macs, macs, {}, {}, equal=False)
    assert network_lines(network, counted)[-1] == f"fvcore MACs {macs:,}  with norms and pooling {macs:,}  DIFFERENT"


def test_data_is_json_with_every_stage(network: Network):
    data = json.loads(json.dumps(network_data(network)))
    assert [stage["name"] for stage in data["stages"]] == ["stem", "head"]
    assert data["macs"] == sum(stage["macs"] for stage in data["stages"])
    assert "fvcore" not in data
