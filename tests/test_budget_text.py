"""Budgets as users write them, on both sides, on parts and relative; and what is said of those that are none."""

from __future__ import annotations

import doctest
import sys

import pytest

import archlab
from archlab.budget_text import parse_budget
from archlab.cost import Budget, cost_of_part, part_names
from archlab.depth import depth_of
from archlab.elaborate import network_of
from archlab.errors import InputError
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter, costs_of
from tests.search.conftest import TINY

PARTS = ("stem", "stage3", "head")


@pytest.mark.parametrize("module", ["archlab.budget_text", "archlab.units", "archlab.depth"])
def test_the_docstrings_examples_hold(module):
    assert doctest.testmod(sys.modules[module]).failed == 0


def test_bounds_on_both_sides():
    both = Budget((("macs", 60_000_000),), (("macs", 50_000_000),))
    assert parse_budget(["macs=50M..60M"]) == both
    assert parse_budget(["macs>=50M", "macs<=60M"]) == both
    assert str(both) == "macs ≤ 60.00 M, macs ≥ 50.00 M"
    assert both.allows({"macs": 50_000_000})
    assert not both.allows({"macs": 49_999_999})
    assert both.excess({"macs": 30_000_000}) == {"macs": -0.5, "macs>=": 0.4}
    assert parse_budget(["depth>=4", "latency>=1ms"]).closed_form == Budget((), (("depth", 4),))


def test_a_relative_range_stays_within_its_shares():
    assert parse_budget(["macs=0.5x..0.75x"], {"macs": 301}) == Budget((("macs", 225),), (("macs", 151),))


def test_a_metric_of_ones_own_has_a_unit():
    budget = parse_budget(["chip.py:energy=3.5mJ", "chip.py:energy>=1uJ"])
    assert budget.limits == (("chip.py:energy", 0.0035),)
    assert str(budget) == "chip.py:energy ≤ 3.5 mJ, chip.py:energy ≥ 1 µJ"
    with pytest.raises(InputError, match="in J, and another in s"):
        parse_budget(["chip.py:energy<=1s", "chip.py:energy>=1J"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs>50M", "the budget 'macs>50M' is not METRIC=VALUE\n  hint: write it like macs=300M, macs>=50M or"),
        ("macs>=", "the budget 'macs>=' is not METRIC=VALUE"),
        ("macs>=5M..6M", "the budget 'macs>=5M..6M' is a range and a bound at once"),
        ("macs=6M..5M", "the budget wants at least 6.000 M and at most 5.000 M of macs"),
        ("flops=3M", "there is no 'flops'\n  hint: one of: activations, depth, latency, macs, memory, params"),
        (
            "stage4.macs=3M",
            "is on 'stage4', which is no part of this network\n  hint: its parts are stem, stage3, head",
        ),
        (
            "stage3.latency=3ms",
            "'latency', which no part has\n  hint: of a part there are macs, params, activations, memory",
        ),
        ("stage3.depth>=4", "is limited in the text: require stage3.depth >= 4"),
        ("chip.py:energy=3mX", "'3mX' is not a number with a unit\n  hint: write it like 3.5mJ"),
    ],
)
def test_what_is_no_budget_is_answered_by_what_there_is(text, message):
    with pytest.raises(InputError) as caught:
        parse_budget([text], {}, PARTS)
    assert message in str(caught.value)


def test_the_parts_of_a_detector_add_up_to_it():
    network = network_of("detection")
    assert part_names(network)[0] == "backbone"
    parts = ("backbone", "neck", "box_head")
    assert sum(cost_of_part(network, part).macs for part in parts) == archlab.cost(network).macs
    stages = [name for name in part_names(network) if name not in parts]
    assert sum(cost_of_part(network, name).params for name in stages) == cost_of_part(network, "backbone").params
    counted = costs_of(network, ["backbone.macs", f"{stages[0]}.memory", "depth"])
    assert counted["backbone.macs"] == {part.name: part.cost.macs for part in archlab.by_part(network)}["backbone"]
    assert counted["depth"] == 14


@pytest.mark.parametrize(
    ("name", "depth"), [("resnet18", 18), ("vgg16", 16), ("densenet121", 121), ("mobilenet_v1", 28), ("googlenet", 22)]
)
def test_depth_is_the_number_in_the_name(name, depth):
    assert depth_of(network_of(name)) == depth


def test_depth_goes_through_named_values_and_past_what_is_zero():
    text = """net n(input=3x8x8)
stem: conv(4) as a -> conv(4) -> conv(4) -> add(identity, a)
body: conv(4) -> residual({conv(4) -> conv(4), zero})
tail: add(identity, stem) -> gap -> fc(2)
"""
    interpreter = archlab.Interpreter(archlab.load_space(text))
    deep, flat = (
        interpreter.network(archlab.Fixed({"body.block": label} if label else {})) for label in (None, "zero")
    )
    assert (depth_of(deep), depth_of(flat)) == (7, 5)


def test_the_first_network_meets_a_lower_limit_and_is_small():
    interpreter = archlab.Interpreter(archlab.load_space(TINY))
    found = find_smallest(Counter(interpreter, parse_budget(["params>=2k"])), 0)
    least = costs_of(find_smallest(Counter(interpreter), 0))["params"]
    assert costs_of(found)["params"] >= 2000 > least
    with pytest.raises(archlab.BudgetError, match=r"no network of tiny meets params ≥ 1.000 M: the largest found has"):
        find_smallest(Counter(interpreter, parse_budget(["params>=1M"])), 0)


@pytest.mark.parametrize("sampler", ["screen", "random"])
def test_a_search_keeps_lower_limits_ranges_and_limits_of_parts(tmp_path, sampler):
    result = archlab.search(
        archlab.parse(TINY),
        budget=["params>=600", "body.params=200..1.2k", "macs=0.2x..2x", "depth>=3"],
        objective="macs",
        trials=6,
        sampler=sampler,
        latency=False,
        out=tmp_path / "out",
    )
    scored = [trial for trial in result.trials if trial.state == "scored"]
    assert len(scored) == 6
    for trial in scored:
        assert trial.cost["params"] >= 600
        assert 200 <= trial.cost["body.params"] <= 1200
        assert trial.cost["depth"] >= 3
    assert result.floors.keys() == {"params", "body.params", "macs", "depth"}
    assert result.relative_budgets == {"macs>=": 0.2, "macs": 2.0}
    if sampler == "screen":
        assert result.counts()["over_budget"] == 0
