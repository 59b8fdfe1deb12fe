"""Rules of the RoI operators."""

from __future__ import annotations

from archlab.ir import Shape
from archlab.ops.arguments import channels, flag, pair, real, whole
from archlab.ops.row import Attrs, Shapes


def roi_attrs(x: Shapes, a: Attrs) -> Attrs:
    """Resolve the arguments; the inputs are the levels' maps, which share their channels, and the boxes."""
    counts: Attrs = {name: whole(a, name) for name in ("rois", "sampling") if name in a}
    flags = {"aligned": flag(a, "aligned")} if "aligned" in a else {}
    return {"size": pair(a, "n"), **counts, **flags, "canonical": real(a, "canonical"), "strides": a["strides"]}


def roi_shape(x: Shapes, a: Attrs) -> Shape:
    return (channels(x), *a["size"])
