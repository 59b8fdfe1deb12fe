"""What holds of every network, on random ones."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from archlab.cost import by_block, by_op, by_stage, cost
from archlab.elaborate import Fixed, Interpreter, Random, elaborate, load
from archlab.elaborate.fill_holes import fill_holes
from archlab.grammar import parse, unparse
from archlab.ir import BOXES, INPUT, numel
from archlab.ops import OPS, verify
from tests.elaborate.random_networks import detectors, linked, texts

ANY = st.one_of(texts(), linked(), detectors())
SPACES = st.one_of(texts(holes=True), linked(holes=True), detectors(holes=True))
TOTALS = ("params", "macs", "other", "activations")


def peak_of(graph):
    """The most elements alive at once, replayed: what is read later stays, and a view keeps its source.

    The boxes that a detector is given are not counted.
    """
    buffer, size = {INPUT: INPUT, BOXES: BOXES}, {INPUT: numel(graph.input_shape), BOXES: 0}
    for node in graph:
        buffer[node.name] = buffer[node.inputs[0]] if OPS[node.op].view else node.name
        size.setdefault(buffer[node.name], node.rows * numel(node.shape))
    last = {}
    for i, node in enumerate(graph):
        last |= {buffer[name]: i for name in (*node.inputs, node.name)}
    last |= {buffer[name]: len(graph) for name in graph.outputs}
    alive, peak = {INPUT}, size[INPUT]
    for i, node in enumerate(graph):
        alive.add(buffer[node.name])
        peak = max(peak, sum(size[name] for name in alive))
        alive = {name for name in alive if last[name] > i}
    return peak


@given(ANY)
def test_a_networks_totals_are_the_sums_over_its_nodes(text):
    network = elaborate(parse(text))
    graph = network.graph
    assert network.body.nodes == len(graph)
    for name in TOTALS:
        assert getattr(network.body, name) == sum(getattr(node, name) for node in graph)


@given(st.one_of(ANY, SPACES))
def test_a_networks_graph_keeps_every_rule(text):
    verify(elaborate(parse(text)).graph)


@settings(max_examples=200)
@given(ANY)
def test_the_peak_is_that_of_a_replay_by_lifetime(text):
    network = elaborate(parse(text))
    assert network.body.peak == peak_of(network.graph)


@given(ANY)
def test_costs_by_stage_block_and_operator_add_up_to_the_whole(text):
    network = elaborate(parse(text))
    whole = cost(network)
    operators = by_op(network.graph)
    for name in TOTALS:
        assert sum(getattr(part.cost, name) for part in by_stage(network)) == getattr(whole, name)
        assert sum(getattr(part.cost, name) for part in by_block(network)) == getattr(whole, name)
        assert sum(row[name] for row in operators.values()) == getattr(whole, name)
    assert whole.memory == 4 * network.body.peak


@given(ANY)
def test_every_node_reads_what_came_before_it(text):
    graph = elaborate(parse(text)).graph
    known = {INPUT, BOXES}
    for node in graph:
        assert known.issuperset(node.inputs)
        known.add(node.name)


@given(SPACES, st.integers(0, 2**32))
def test_what_an_interpreter_has_seen_changes_nothing(text, seed):
    space = load(parse(text))
    used = Interpreter(space)
    for other in range(4):
        used.network(Random(random.Random(seed + other + 1)))
    network = used.network(Random(random.Random(seed)))
    fresh = Interpreter(load(parse(text))).network(Random(random.Random(seed)))
    assert network.draws == fresh.draws
    assert network.digest == fresh.digest
    assert cost(network) == cost(fresh)
    assert [node.name for node in network.graph] == [node.name for node in fresh.graph]


@given(SPACES, st.integers(0, 2**32))
def test_the_same_values_make_the_same_network(text, seed):
    interpreter = Interpreter(load(parse(text)))
    network = interpreter.network(Random(random.Random(seed)))
    fixed = Fixed(network.draws)
    again = interpreter.network(fixed)
    fixed.refuse_unknown()
    assert again.digest == network.digest
    assert again.draws == network.draws


@settings(max_examples=200)
@given(SPACES, st.integers(0, 2**32))
def test_a_draw_written_back_is_a_reference_of_the_same_network(text, seed):
    space = load(parse(text))
    network = Interpreter(space).network(Random(random.Random(seed)))
    settled = fill_holes(space, network, "found")
    again = parse(unparse(settled))
    assert again == settled
    assert load(again).is_reference
    assert elaborate(again).digest == network.digest


@given(texts(), st.randoms(use_true_random=False))
def test_renamed_stages_and_inlined_blocks_make_the_same_digest(text, rng):
    head, act, own, *stages = text.splitlines()
    act, own = act.replace("act", "nonlinearity"), own.replace("act=act", "act=nonlinearity")
    blocks = [f"block part{i}() = {stage.split(': ', 1)[1]}" for i, stage in enumerate(stages)]
    renamed = [f"s{i}: part{i}" for i in range(len(stages))]
    rng.shuffle(blocks)
    other = "\n".join([head.replace("net n", "net other"), act, own, *blocks, *renamed])
    assert elaborate(parse(other)).digest == elaborate(parse(text)).digest
    joined = "all: " + " -> ".join(f"({stage.split(': ', 1)[1]})" for stage in stages)
    assert elaborate(parse("\n".join([head, act, own, joined]))).digest == elaborate(parse(text)).digest
