"""The cell of NAS-Bench-201 in the language, against what its authors count, and which rows are one network."""

from __future__ import annotations

import doctest
import itertools
import random
from collections import defaultdict

import pytest

from archlab.cost import Budget, cost
from archlab.elaborate import Fixed, Interpreter, load
from archlab.errors import ArchlabError
from archlab.grammar import parse_file
from benchmarks import nasbench201
from benchmarks.evolution import POPULATION, EvolutionSampler
from benchmarks.macro import Table
from benchmarks.nasbench201 import CSV, EDGES, LABELS, SPACE, read_tables, what_is_left
from benchmarks.search import run
from benchmarks.search_targets import missed
from benchmarks.table_search import search


@pytest.fixture(scope="module")
def interpreter():
    return Interpreter(load(parse_file(SPACE)))


def cell(interpreter, digits):
    return interpreter.network(Fixed({edge: LABELS[digit] for edge, digit in zip(EDGES, digits, strict=True)}))


def test_the_largest_cell_has_the_published_parameters_and_flops(interpreter):
    # NATS-Bench (Dong et al. 2021, arXiv:2009.00437): 1.53 M parameters, 220.12 M FLOPs.
    counted = cost(cell(interpreter, (3,) * 6))
    assert (counted.params, counted.macs) == (1_531_546, 220_119_680)


def test_what_is_left_of_a_cell_is_the_same_exactly_where_its_network_is(interpreter):
    rng = random.Random(0)
    digests, words = defaultdict(set), defaultdict(set)
    for _ in range(150):
        digits = tuple(rng.choice((0, 0, 1, 2, 3, 4)) for _ in EDGES)
        left, alive = what_is_left(digits)
        if not left:
            with pytest.raises(ArchlabError):
                cell(interpreter, digits)
            continue
        network = cell(interpreter, digits)
        digests[left].add(network.digest)
        words[network.digest].add(left)
        assert len(alive) <= 6
    assert {len(each) for each in (*digests.values(), *words.values())} == {1}
    assert len(words) > 40


def searched(interpreter):
    holes = {}

    def first(hole):
        holes[hole.name] = hole
        return hole.labels[1]

    interpreter.network(first)
    return tuple(holes[edge] for edge in EDGES)


def test_what_others_have_counted_makes_no_difference_to_a_search(interpreter):
    holes = searched(interpreter)
    keys = list(itertools.product(*(hole.labels for hole in holes)))
    accuracy = {key: float(i * 7919 % 1000) for i, key in enumerate(keys)}
    table = Table(interpreter, holes, accuracy, {}, {}, dict.fromkeys(keys, 1), tuple(keys))
    budget = Budget((("macs", 60e6),))
    runs = [
        run(table, "default", budget, seed, 18, shares=shares) for seed, shares in ((1, False), (2, True), (1, True))
    ]
    assert runs[0].accuracies == runs[2].accuracies != runs[1].accuracies


def test_evolution_evaluates_what_is_feasible_and_new(interpreter):
    holes = searched(interpreter)
    labels = [hole.labels for hole in holes]
    keys = [(a, b, *(each[1] for each in labels[2:])) for a in labels[0] for b in labels[1]]
    flops = {key: i for i, key in enumerate(keys)}
    table = Table(interpreter, holes, {key: float(i % 7) for key, i in flops.items()}, {}, {}, flops, tuple(keys))
    sampler = EvolutionSampler(table, 22, 0)
    made = search(table, sampler, Budget((("macs", 22.0),)), 0, POPULATION + 2)
    assert made.repeated == 0
    assert max(made.flops) <= 22


def test_a_target_that_is_missed_is_said_in_words():
    row = {"regret": {"100": 0.9}, "stuck": 0.2, "infeasible_share": 0.0, "repeated_share": 0.0}
    rows = {"default": row, "evolution": {"regret": {"100": 1.2}}, "gp": {"regret": {"100": 0.95}}}
    result = {"tables": {"nb201_imagenet16": {"0.5": rows}}, "two_objectives": {}}
    assert missed(result) == [
        "nb201_imagenet16 at 50%: stuck on 20% of the seeds",
        "nb201_imagenet16 at 50%: a regret of 0.9 is more than two thirds of evolution's 1.2",
    ]


def test_the_docstrings_examples_hold():
    assert doctest.testmod(nasbench201).failed == 0


@pytest.mark.skipif(not CSV.exists(), reason=f"the table of NAS-Bench-201 is not at {CSV}")
def test_the_tables_flops_are_the_closed_forms():
    table = read_tables()["cifar100"]
    assert len(table.accuracy) == 15_625 - 341
    for key in random.Random(0).sample(list(table.accuracy), 25):
        network = table.network(key)
        assert cost(network).macs == table.flops[key]
        assert table.key(network) == key
