"""A shrinking to report on, made by hand, so that a test can state its every number."""

from __future__ import annotations

import dataclasses

from archlab.measured import Latency
from archlab.original.shrunk import Contender, Draw, LayerKept, Shrunk, Side


def _side(name: str, share: float, right: int, milliseconds: float) -> Side:
    cost = {"macs": 10e6 * share, "params": 1e5 * share, "memory": 2**20 * share}
    low, high = milliseconds / 1000, milliseconds / 800
    return Side(name, f"net {name}(input=3x8x8)\n", cost, right, Latency(low, low, high, 20, 1))


def searched() -> Shrunk:
    """A search for half of the MACs, which judged four networks."""
    layers = (
        LayerKept("stem.conv2d", "stem.conv2d", (3, 3), (8, 16), None),
        LayerKept("stage1.0.conv.conv2d", "stage1.0.conv.conv2d", (8, 16), (24, 32), 0.0625),
        LayerKept("stage1.1.conv.conv2d", "stage1.1.conv.conv2d", (24, 32), (16, 32), 0.25),
    )
    return Shrunk(
        original=_side("base", 1.0, 90, 4.0),
        result=_side("base_3", 0.4, 87, 2.0),
        labelled=True,
        images=100,
        tested=True,
        lost=5,
        gained=2,
        budgets={"macs": 5e6},
        kept="polish",
        epochs=0.0,
        layers=layers,
        contenders=(
            Contender("base_3", 4e6, 0.86, {"refit": 0.875, "polish": 0.88}),
            Contender("base_1", 3e6, 0.8, {"refit": 0.81}),
        ),
        draws=(Draw(1e6, 0.5, 1), Draw(3e6, 0.8, 1), Draw(4e6, 0.86, 1), Draw(4.5e6, 0.7, 1)),
        original_held_out=0.9,
        data="photos",
        weights="base.safetensors",
        command="archlab shrink base.arch --weights base.safetensors --data photos -b macs=0.5x",
        seed=0,
        seconds=75.0,
        cpu_seconds=60.0,
        versions={"archlab": "0.1.0"},
        machine="x86_64, 2 cores",
    )


def rewritten() -> Shrunk:
    """A rewriting by a rule, timed on a machine that had other work."""
    layers = (LayerKept("stem.conv.conv2d", "stem.conv2d", (3, 3), (16, 16), 0.125, ("stem.depthwise", "stem.conv")),)
    result = dataclasses.replace(_side("base", 0.25, 80, 1.0), latency=Latency(0.001, 0.0008, 0.012, 20, 1))
    return dataclasses.replace(
        searched(), result=result, budgets={}, kept="refit", layers=layers, draws=(),
        contenders=(Contender("base", 2.5e6, 0.7, {"refit": 0.8}),), rule="separable dm=1, everywhere",
    )  # fmt: skip
