from __future__ import annotations

import dataclasses
import doctest
import sys

import pytest
from click.testing import CliRunner

from archlab.budget_text import parse_budget
from archlab.cli.main import cli
from archlab.cost import COUNTED, METRICS, Budget, Cost, by_block, by_op, by_stage, cost
from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.grammar import parse

TEXT = "net n(input=3x8x8)\nstem: conv(8)\nbody: repeat(2, conv2d(8, 1))\nhead: gap -> fc(10)"

# stem: 3 * 8 * 9 = 216 weights and 16 of bn; body: 64 twice; head: 8 * 10 + 10
STEM = Cost(params=232, macs=216 * 64, other=2 * 512, activations=512, memory=4 * (512 + 512))
BODY = Cost(params=128, macs=128 * 64, other=0, activations=1024, memory=4 * (512 + 512))
HEAD = Cost(params=90, macs=80, other=512, activations=10, memory=4 * (512 + 8))


@pytest.fixture(scope="module")
def network():
    return elaborate(parse(TEXT))


def test_the_whole(network):
    assert cost(network) == Cost(450, 216 * 64 + 128 * 64 + 80, 1536, 1546, 4 * 1024)
    assert cost(network).as_dict() == {
        "params": 450, "macs": 22096, "other": 1536, "activations": 1546, "memory": 4096
    }  # fmt: skip


def test_by_stage(network):
    assert [(part.name, part.shape, part.nodes, part.cost) for part in by_stage(network)] == [
        ("stem", (8, 8, 8), 3, STEM),
        ("body", (8, 8, 8), 2, BODY),
        ("head", (10,), 3, HEAD),
    ]


def test_by_block_is_by_the_direct_parts_of_each_stage(network):
    assert [(part.name, part.cost.params) for part in by_block(network)] == [
        ("stem.conv2d", 216), ("stem.norm", 16), ("stem.act", 0),
        ("body.0", 64), ("body.1", 64), ("head.gap", 0), ("head.fc", 90),
    ]  # fmt: skip


def test_by_op(network):
    assert by_op(network.graph) == {
        "conv2d": {"nodes": 3, "params": 344, "macs": 344 * 64, "other": 0, "activations": 1536},
        "bn": {"nodes": 1, "params": 16, "macs": 0, "other": 1024, "activations": 0},
        "relu": {"nodes": 1, "params": 0, "macs": 0, "other": 0, "activations": 0},
        "gap": {"nodes": 1, "params": 0, "macs": 0, "other": 512, "activations": 0},
        "flatten": {"nodes": 1, "params": 0, "macs": 0, "other": 0, "activations": 0},
        "linear": {"nodes": 1, "params": 90, "macs": 80, "other": 0, "activations": 10},
    }


def test_a_budget_is_read_in_the_units_of_its_metrics():
    budget = parse_budget(["macs=300M", "params=3.4M", "memory=8MiB", "latency=25ms"])
    assert budget.limits == (("macs", 300e6), ("params", 3.4e6), ("memory", 8 * 2**20), ("latency", 0.025))
    assert [name for name, _ in budget.closed_form.limits] == ["macs", "params", "memory"]
    assert str(parse_budget(["macs=300M"])) == "macs ≤ 300.0 M"
    assert str(Budget()) == "none"


def test_a_relative_budget_is_the_most_within_its_share():
    budget = parse_budget(["macs=0.5x", "memory=1.25x", "params=3M"], {"macs": 301, "memory": 8, "params": 7})
    assert budget.limits == (("macs", 150), ("memory", 10), ("params", 3e6))


def test_a_budget_is_met_up_to_its_limit():
    budget = parse_budget(["macs=200", "params=100"])
    assert budget.allows({"macs": 200, "params": 100})
    assert not budget.allows({"macs": 201, "params": 100})
    assert budget.allows({"macs": 1}), "what is not known is not exceeded"
    assert budget.excess({"macs": 300, "params": 50}) == {"macs": 0.5, "params": -0.5}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["mac=3M"], "the budget 'mac=3M' names no metric: there is no 'mac'\n  hint: did you mean macs?"),
        (
            ["macs"],
            "the budget 'macs' is not METRIC=VALUE\n  hint: write it like macs=300M, macs>=50M or macs=50M..60M",
        ),
        (
            ["macs=0.5x"],
            "the budget 'macs=0.5x' is relative, and there is nothing here that it could be of\n"
            "  hint: write it like macs=300M",
        ),
        (
            ["latency=0.5x"],
            "the budget 'latency=0.5x' cannot be relative: latency is measured, not counted\n"
            "  hint: write it like latency=25ms",
        ),
        (["macs=1M", "macs=2M"], "the budget names macs twice"),
        (["macs=0"], "the budget 'macs=0' must be positive"),
    ],
)
def test_a_budget_that_is_none_is_refused(texts, message):
    with pytest.raises(InputError) as caught:
        parse_budget(texts)
    assert str(caught.value) == message


def test_the_docstrings_examples_hold():
    assert doctest.testmod(sys.modules["archlab.cost"]).failed == 0


def test_a_metric_is_a_cost_in_closed_form_or_measured():
    from archlab.search.study.evaluation import MEASUREMENTS

    measured = {metric.name for metric in METRICS.values() if metric.measured}
    assert measured == set(MEASUREMENTS) == {"latency"}
    assert set(COUNTED) <= {field.name for field in dataclasses.fields(Cost)}
    assert set(METRICS) - set(COUNTED) - measured == {"depth"}, "what archlab.depth counts where it is asked for"
    assert parse_budget(["macs=1M", "latency=1ms"]).measured.limits == (("latency", 0.001),)


def test_the_example_of_a_metric_can_be_read_and_the_help_shows_it():
    budget = parse_budget(f"{metric.name}={metric.example}" for metric in METRICS.values())
    assert {name for name, _ in budget.limits} == set(METRICS)
    shown = " ".join(CliRunner().invoke(cli, ["search", "--help"]).output.split())
    assert (
        "An upper limit: macs=300M, params=3.4M, activations=5M, memory=8MiB, depth=50 or latency=25ms; repeatable."
        in shown
    )
