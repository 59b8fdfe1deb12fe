"""docs/networks.md says what the code does."""

from __future__ import annotations

import math
import re
from pathlib import Path

import archlab
from archlab.elaborate import load
from archlab.exchange.timm_in import from_timm
from archlab.resources import shipped_spaces

PAGE = (Path(__file__).parents[1] / "docs" / "networks.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (\S+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ", PAGE, re.MULTILINE)


def test_the_table_lists_every_network_with_its_counts():
    shipped = {name for name in shipped_spaces() if load(archlab.load(name)).is_reference}
    assert {row[0] for row in ROWS} == shipped
    for name, size, *counts in ROWS:
        network = archlab.elaborate(archlab.load(name))
        total = archlab.cost(network)
        buffers = sum(math.prod(shape) for node in network.graph for shape in node.buffers.values())
        assert size == "x".join(map(str, network.input_shape))
        assert counts == [f"{n:,}" for n in (total.params, buffers, total.macs)], name


def test_the_block_strings_can_be_read():
    text = PAGE.split("```text\n")[1].split("```")[0]
    assert archlab.elaborate(from_timm(text)).body.shape == (1000,)
