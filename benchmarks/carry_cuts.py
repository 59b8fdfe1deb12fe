"""Our ways to a smaller network: ``archlab shrink`` as users call it, one factor for all widths, and given widths."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from archlab.carry import carry
from archlab.carry.filled import Refit
from archlab.carry.statistics import Statistics, collect
from archlab.elaborate import elaborate
from archlab.grammar import parse
from archlab.original.judge import carried_to
from archlab.original.loaded import calibration_images, load_original
from archlab.original.original import read_judge
from archlab.shrink.request import ShrinkRequest
from archlab.shrink.search_below import WALK
from archlab.shrink.shrink import TEXT, shrink
from archlab.shrink.trained import calibration_count
from benchmarks.carry_bases import Base, Parts

LEAST_USED = 0.97
"""Of a budget."""

Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Cut:
    """A smaller network.

    Attributes:
        module: it, in evaluation.
        macs: multiply-accumulates of one image.
        cpu_seconds: from the trained network to it.
        widths: what stands in the base's text; None where it has other operators.
        said: more about it, for the record.
    """

    module: nn.Module
    macs: int
    cpu_seconds: float
    widths: dict[str, int] | None
    said: str = ""


@dataclass(frozen=True, eq=False)
class Trained:
    """A base after its training, with what refits read.

    Attributes:
        weights: the file of its state dict.
        images: training images on which layers are fitted and norms recalibrated, as many as ``archlab shrink`` takes.
        known: what its layers read on them.
        cpu_seconds: that it took to know.
    """

    base: Base
    module: nn.Module
    weights: Path
    parts: Parts
    images: Tensor
    known: Statistics
    cpu_seconds: float


def with_statistics(base: Base, module: nn.Module, weights: Path, parts: Parts) -> Trained:
    """Return a base with what refits read of it."""
    network = elaborate(parse(base.text()))
    with stopwatch() as clock:
        images = calibration_images(
            parts.source, network.input_shape, parts.training.normalisation, calibration_count(base.text())
        )
        known = collect(module, network.graph, images)
    return Trained(base, module, weights, parts, images, known, clock.seconds)


@dataclass
class Clock:
    """CPU seconds of this process, when the watch was stopped."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Clock]:
    """Count the CPU seconds of what is inside."""
    clock, began = Clock(), time.process_time()
    yield clock
    clock.seconds = time.process_time() - began


def filled(trained: Trained, widths: dict[str, int], refit: Refit, cpu_seconds: float = 0.0, said: str = "") -> Cut:
    """Return the base at other widths, with its weights, ``cpu_seconds`` after the widths were known."""
    base = trained.base
    with stopwatch() as clock:
        carried = carry(
            trained.module, base.graph(), base.graph(widths), trained.images, refit=refit, known=trained.known
        )
    spent = cpu_seconds + trained.cpu_seconds + clock.seconds
    return Cut(carried.module.eval(), base.macs(widths), spent, widths, said)


def uniform(base: Base, share: float) -> dict[str, int]:
    """Return the widths that use most of a share of the base's MACs, all of them cut by the same factor.

    The largest factor that meets the budget; then single channels where they fit, the least cut down first.

    >>> from benchmarks.carry_bases import BASES
    >>> uniform(BASES[0], 0.5)["w3"]
    45
    """
    budget = share * base.macs()
    low, high = 0.05, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if base.macs(_scaled(base, middle)) <= budget else (low, middle)
    widths = _scaled(base, low)
    for name in sorted(widths, key=lambda name: widths[name] / base.widths[name]):
        larger = {**widths, name: widths[name] + 1}
        if base.macs(widths) < LEAST_USED * budget and base.macs(larger) <= budget:
            widths = larger
    return widths


def _scaled(base: Base, factor: float) -> dict[str, int]:
    return {name: max(1, round(factor * width)) for name, width in base.widths.items()}


def by_archlab(trained: Trained, share: float, folder: Path, note: Note) -> tuple[Cut, Cut]:
    """Return what ``archlab shrink --unlabelled`` makes of a base, and the same network before it was polished.

    No label is read: images are judged by agreement with the base.
    """
    base, parts = trained.base, trained.parts
    shutil.rmtree(folder, ignore_errors=True)
    known = parts.training.normalisation
    began = time.process_time()
    polish_began: list[float] = []

    def say(words: str) -> None:
        if words.startswith("training ") and not polish_began:
            polish_began.append(time.process_time())
        note(words)

    request = ShrinkRequest(
        text=base.text(),
        weights=trained.weights,
        data=parts.unlabelled,
        budget=(f"macs={share}x",),
        out=folder,
        labelled=False,
        mean=known.mean,
        std=known.std,
    )
    outcome = shrink(request, note=note, say=say)
    spent = time.process_time() - began
    macs = sum(node.macs for node in outcome.graph)
    judge = read_judge(folder / WALK)
    settings = replace(judge, images=judge.original.calibration)
    loaded = load_original(settings.original, settings.held_out)
    graph = elaborate(parse((folder / TEXT).read_text(encoding="utf-8"))).graph
    before = carried_to(loaded, graph, settings).module.eval()
    said = f"kept: {outcome.shrunk.kept}"
    until = (polish_began[0] if polish_began else time.process_time()) - began
    return Cut(outcome.module.eval(), macs, spent, None, said), Cut(before, macs, until, None)
