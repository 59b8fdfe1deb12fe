"""A shrinking in numbers and words, for a terminal and a page alike."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from archlab.cost import METRICS
from archlab.errors import printable
from archlab.measured import Latency
from archlab.original.shrunk import Shrunk, Side
from archlab.search.dominance import find_front
from archlab.units import format_percent, format_range, format_seconds, format_signed, is_noisy

_COSTS = ("macs", "params", "memory")


@dataclass(frozen=True, slots=True)
class Row:
    """A number of the original and of the result, and the share of it that is left."""

    name: str
    before: str
    after: str
    kept: str


def measured_as(shrunk: Shrunk) -> str:
    """Return what is measured: accuracy, or agreement with the original where images have no labels."""
    return "accuracy" if shrunk.labelled else "agreement"


def names(shrunk: Shrunk) -> tuple[str, str]:
    """Return what the original and the result are called; a rewriting has the name of what it was made of."""
    both = shrunk.original.name, shrunk.result.name
    return both if both[0] != both[1] else ("original", "result")


def lead(shrunk: Shrunk) -> str:
    """Return the answer in a sentence."""
    before, after = shrunk.original.name, shrunk.result.name
    if before == after:
        before, after = "the original", "The result"
    macs = shrunk.result.cost["macs"] / max(1.0, shrunk.original.cost["macs"])
    change = 100 * shrunk.difference
    part = "test" if shrunk.tested else "held-out"
    what = measured_as(shrunk)
    return (
        f"{after} has {format_percent(macs)} of the MACs of {before}; its {what} on "
        f"{shrunk.images:,} {part} images differs by {format_signed(change)} ± "
        f"{100 * shrunk.difference_error:.2f} points"
    )


def rows(shrunk: Shrunk) -> list[Row]:
    """Return what is compared."""
    both = (shrunk.original, shrunk.result)
    was, now = (_accuracy(shrunk, side) for side in both)
    found = [Row(f"{measured_as(shrunk)} (%)", was, now, _points(shrunk))]
    for name in _COSTS:
        before, after = (side.cost[name] for side in both)
        metric = METRICS[name]
        found.append(Row(metric.label, metric.format(before), metric.format(after), _share(before, after)))
    first, second = shrunk.original.latency, shrunk.result.latency
    if first is not None and second is not None:
        threads = f"{first.threads} thread" + "s" * (first.threads > 1)
        is_known = not (_is_noisy(first) or _is_noisy(second))
        kept = _share(first.median, second.median) if is_known else ""
        found.append(Row(f"latency here, {threads}", _median(first), _median(second), kept))
        then, here = (format_range(one.low, one.high) for one in (first, second))
        found.append(Row("of 8 in 10 runs", then, here, ""))
    return found


def front(shrunk: Shrunk) -> list[tuple[float, float]]:
    """Return MACs and accuracy of the draws that none beats in both, by MACs."""
    points = [(draw.macs, draw.accuracy) for draw in shrunk.draws]
    return sorted(points[i] for i in find_front([[-macs, accuracy] for macs, accuracy in points]))


def next_steps(shrunk: Shrunk, folder: str) -> list[tuple[str, str]]:
    """Return what can be done with the result: a description, and the command.

    Args:
        folder: where it is, quoted for a shell.
    """
    text, weights = f"{folder}/network.arch", f"{folder}/weights.safetensors"
    steps = [
        ("to look at it", f"archlab show {text}"),
        ("to export it", f"archlab export {text} --weights {weights} --to onnx --out {folder}/network.onnx"),
    ]
    if shrunk.labelled:
        data = printable(shlex.quote(shrunk.data))
        init = f"--init {folder}/weights.safetensors --data {data} --rate 0.01 --epochs 5"
        steps.append(("to go on training it", f"archlab train {folder}/network.arch {init}"))
    return steps


def _accuracy(shrunk: Shrunk, side: Side) -> str:
    return f"{100 * shrunk.accuracy(side):.2f} ± {100 * shrunk.standard_error(side):.2f}"


def _median(latency: Latency) -> str:
    return "too noisy" if _is_noisy(latency) else format_seconds(latency.median)


def _is_noisy(latency: Latency) -> bool:
    return is_noisy(latency.low, latency.high)


def _points(shrunk: Shrunk) -> str:
    return f"{format_signed(100 * shrunk.difference)} points"


def _share(before: float, after: float) -> str:
    return format_percent(after / before) if before else "–"
