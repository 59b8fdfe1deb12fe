"""The parts of torchvision's detectors that are networks of the language: each takes one map and gives one.

A whole detector chooses boxes by their values, which no text says. Its backbone, the pyramid on it, and the heads as
they run on one level or box are convolutional networks, and each is lifted by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archlab.audit.operands import Output
from archlab.errors import InputError, quote
from archlab.ir import Shape
from archlab.lift.capture import capture

Maps = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class DetectorPart:
    """A part of a detector.

    Attributes:
        name: what ``--part`` calls it.
        what: what it is, in words.
        modules: the paths of the modules that it is made of.
        run: its outputs by name, given the detector and what it takes.
        main: the output that is lifted where none is asked for: 0 is the first, -1 the last.
        takes: the shape (C, H, W) of what it takes; None where that is the images.
    """

    name: str
    what: str
    modules: tuple[str, ...]
    run: Callable[[Any, Tensor], Maps]
    main: int = 0
    takes: Shape | None = None


class PartModule(nn.Module):
    """A part of a detector as a module, under the detector's own paths; its layers are the detector's."""

    def __init__(self, detector: nn.Module, part: DetectorPart, every: bool) -> None:
        """Take what the part runs; with ``every``, it returns all its outputs, otherwise the main one."""
        super().__init__()
        for name in dict.fromkeys(path.partition(".")[0] for path in part.modules):
            self.add_module(name, detector.get_submodule(name))
        self.part, self.every = part, every

    def forward(self, x: Tensor) -> Maps | Tensor:
        """Run the part."""
        outputs = self.part.run(self, x)
        return outputs if self.every else list(outputs.values())[self.part.main]


def part_called(name: str | None, detector: nn.Module, images: Shape) -> tuple[DetectorPart, tuple[str, ...]]:
    """Return the part of a detector that is called ``name``, by default its backbone, and the names of all.

    Args:
        images: the shape (C, H, W) of the images that the backbone takes.

    Raises:
        InputError: it has no such part; the message has those that it has.
        AuditError: the backbone's forward fails, for example on images that are too small.
    """
    parts = {part.name: part for part in _parts_of(detector, images)}
    asked = "backbone" if name is None else name
    if asked not in parts:
        raise InputError(
            f"{type(detector).__name__} has no part {quote(asked)} that is one network",
            hint=f"its parts are {show_parts(tuple(parts))}",
        )
    return parts[asked], tuple(parts)


def show_parts(names: Sequence[str]) -> str:
    """Return the names of parts for a message; of those of levels the first and the last.

    >>> show_parts(["backbone", "head.0", "head.1", "head.2"])
    'backbone, head.0 to head.2'
    """
    shown = []
    for _, same in itertools.groupby(names, lambda name: name.partition(".")[0]):
        first, *rest = same
        shown.append(f"{first} to {rest[-1]}" if rest else first)
    return ", ".join(shown)


def _parts_of(detector: Any, images: Shape) -> list[DetectorPart]:
    backbone = detector.backbone
    pyramid = hasattr(backbone, "body") and hasattr(backbone, "fpn")
    if pyramid:
        body = DetectorPart(
            "backbone", "the backbone, by its last level", ("backbone.body",), lambda d, x: d.backbone.body(x), -1
        )
        what = "the backbone and the feature pyramid on it, by the finest level"
        parts = [body, DetectorPart("neck", what, ("backbone",), _levels)]
    else:
        parts = [DetectorPart("backbone", "the backbone, by its last level", ("backbone",), _levels, -1)]
    maps = _shapes(backbone, images)
    if hasattr(detector, "roi_heads"):
        return [*parts, _rpn(maps[0]), *_box_heads(detector)]
    if not hasattr(detector, "head"):
        return parts
    for kind in ("classification", "regression"):
        head = getattr(detector.head, f"{kind}_head")
        if hasattr(head, "module_list"):
            parts += [_head_of_level(kind, level, shape) for level, shape in enumerate(maps)]
        else:
            parts.append(_head_of_all(kind, maps[0]))
    return parts


def _levels(detector: Any, x: Tensor) -> Maps:
    """Run the backbone, whose neck, where it has one, is a part of it."""
    out = detector.backbone(x)
    return out if isinstance(out, Mapping) else {"0": out}


def _shapes(backbone: nn.Module, images: Shape) -> list[Shape]:
    """Return the shapes (C, H, W) of the maps that the heads take, of a pass without data."""
    trace = capture(backbone, (torch.empty((1, *images), device="meta"),))
    return [trace.calls[o.call].shapes[o.index][1:] for _, o in trace.outputs if isinstance(o, Output)]


# --- heads ----------------------------------------------------------------------------------------------------------


def _rpn(takes: Shape) -> DetectorPart:
    def run(detector: Any, x: Tensor) -> Maps:
        (objectness,), (deltas,) = detector.rpn.head([x])
        return {"objectness": objectness, "deltas": deltas}

    return DetectorPart("rpn", "the proposal head on the finest level", ("rpn.head",), run, takes=takes)


def _box_heads(detector: Any) -> list[DetectorPart]:
    """Return the heads that run once for each box, on what is pooled of it."""
    heads, channels = detector.roi_heads, int(detector.backbone.out_channels)

    def box(detector: Any, x: Tensor) -> Maps:
        scores, deltas = detector.roi_heads.box_predictor(detector.roi_heads.box_head(x))
        return {"scores": scores, "deltas": deltas}

    def mask(detector: Any, x: Tensor) -> Maps:
        return {"masks": detector.roi_heads.mask_predictor(detector.roi_heads.mask_head(x))}

    def keypoint(detector: Any, x: Tensor) -> Maps:
        return {"heatmaps": detector.roi_heads.keypoint_predictor(detector.roi_heads.keypoint_head(x))}

    parts = []
    for kind, run in (("box", box), ("mask", mask), ("keypoint", keypoint)):
        pool = getattr(heads, f"{kind}_roi_pool", None)
        if pool is not None:
            modules = (f"roi_heads.{kind}_head", f"roi_heads.{kind}_predictor")
            size = pool.output_size
            takes = (channels, *((size, size) if isinstance(size, int) else map(int, size)))
            parts.append(DetectorPart(f"{kind}_head", f"the {kind} head on one box", modules, run, takes=takes))
    return parts


def _head_of_all(kind: str, takes: Shape) -> DetectorPart:
    """Return a head of RetinaNet or FCOS, which has the same weights for every level, before its maps are flattened."""

    def run(detector: Any, x: Tensor) -> Maps:
        head = getattr(detector.head, f"{kind}_head")
        x = head.conv(x)
        if kind == "classification":
            return {"scores": head.cls_logits(x)}
        if not hasattr(head, "bbox_ctrness"):
            return {"deltas": head.bbox_reg(x)}
        return {"distances": head.bbox_reg(x).relu(), "centerness": head.bbox_ctrness(x)}

    what = f"the {kind} head on the finest level"
    return DetectorPart(f"{kind}_head", what, (f"head.{kind}_head",), run, takes=takes)


def _head_of_level(kind: str, level: int, takes: Shape) -> DetectorPart:
    """Return the head of SSD for one level."""

    def run(detector: Any, x: Tensor) -> Maps:
        name = "scores" if kind == "classification" else "deltas"
        return {name: getattr(detector.head, f"{kind}_head").module_list[level](x)}

    modules = (f"head.{kind}_head.module_list.{level}",)
    return DetectorPart(f"{kind}_head.{level}", f"the {kind} head of level {level}", modules, run, takes=takes)
