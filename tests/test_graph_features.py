from __future__ import annotations

import math
import random

from archlab import graph_features as module
from archlab.elaborate import Interpreter, Random, elaborate, load
from archlab.grammar import parse
from archlab.graph_features import FEATURES, GraphFeatures
from tests.search.conftest import TINY

WORKED = "net n(input=3x8x8)\nstem: conv(4, 3, s=2) -> depthwise(3) -> conv(16, 1)\nhead: gap -> fc(10)"


def test_the_features_of_a_network_worked_by_hand():
    # Layers as (channels, height, fan-in).
    layers = [(4, 4, 27), (4, 4, 9), (16, 4, 4), (10, 1, 16)]
    expected = [
        *(sum(c * h**p for c, h, _ in layers) for p in (0, 0.5, 1, 2)),
        # weights and the two of each norm; the linear layer's bias
        4 * 27 + 8 + 4 * 9 + 8 + 16 * 4 + 32 + 160 + 10,
        16 * (4 * 27 + 4 * 9 + 16 * 4) + 160,
        16 * (4 + 4 + 16) + 10,
        4,
        sum(math.log(c) for c, _, _ in layers),
        sum(0.5 * math.log(fan_in) for _, _, fan_in in layers),
    ]
    found = GraphFeatures()(elaborate(parse(WORKED)))
    assert len(found) == len(FEATURES) == 10
    for value, number in zip(found, expected, strict=True):
        assert math.isclose(math.expm1(value), number, rel_tol=1e-12)


def test_what_is_kept_between_networks_changes_nothing():
    interpreter = Interpreter(load(parse(TINY)))
    rng = random.Random(0)
    networks = [interpreter.network(Random(rng)) for _ in range(30)]
    kept = GraphFeatures()
    assert [kept(n) for n in networks] == [GraphFeatures()(n) for n in networks]


def test_no_more_is_kept_than_a_number_of_fragments(monkeypatch):
    monkeypatch.setattr(module, "_MEMO_SIZE", 60)
    interpreter, features, rng = Interpreter(load(parse(TINY))), GraphFeatures(), random.Random(0)
    sizes = [len(features._memo) for _ in range(200) if features(interpreter.network(Random(rng)))]
    assert 60 < max(sizes) < 90
