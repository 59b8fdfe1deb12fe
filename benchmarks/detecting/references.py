"""The literature's backbones, scaled to a budget of the whole detector's MACs."""

from __future__ import annotations

from collections.abc import Iterator

from archlab.detect import DetectorSpec, attach
from archlab.elaborate import Fixed, Interpreter, load
from archlab.ir import Graph
from benchmarks.detecting.model import HEAD, LEVELS, NECK, POOLED
from benchmarks.detecting.pool import sized

REFERENCES = ("mobilenet_v1", "mobilenet_v2", "shufflenet_v2_x1_0", "resnet18")

SPEC = DetectorSpec(width=NECK, levels=LEVELS, size=(POOLED, POOLED), canonical=224, head_width=HEAD, classes=3)
"""The neck and head of every detector of the study: at its size every box is read from p2."""


def macs_of(backbone: Graph) -> int:
    """Return MACs of the whole detector on ``backbone``, with 100 RoIs."""
    return sum(node.macs for node in attach(backbone, SPEC))


def scaled(name: str, budget: float) -> tuple[dict[str, float], Graph]:
    """Return the reference of most MACs within ``budget``, by ``width_mult`` and, where it helps, ``depth_mult``."""
    best: tuple[int, dict[str, float], Graph] | None = None
    interpreter = Interpreter(load(sized(name)))
    for draws in _multipliers():
        graph = interpreter.network(Fixed(draws)).graph
        macs = macs_of(graph)
        if macs <= budget and (best is None or macs > best[0]):
            best = macs, draws, graph
    if best is None:
        raise ValueError(f"{name} cannot be scaled to {budget:,.0f} MACs")
    return best[1], best[2]


def _multipliers() -> Iterator[dict[str, float]]:
    """Yield widths from 0.1 to 2 at the reference's own depth."""
    for hundredths in range(10, 201):
        yield {"width_mult": hundredths / 100}
