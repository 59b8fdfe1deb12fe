"""The words of the language that are neither blocks nor operators, and where each callee's arguments go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from archlab.detector import DetectorSpec
from archlab.grammar import ast, parse_blocks
from archlab.ops import OPS, REQUIRED

IDENTITIES = ("identity", "none")
ZERO = "zero"
"""The layer that contributes nothing."""
KEYWORDS = ("net", "block", "var", "require", "in", "as", "if", "else", "step", "default")
CONSTANTS = ("same", "tf", "nearest", "bilinear")
"""Words that are values: of paddings, and of how a map is interpolated."""
# Forms take layers as they are written; the numbers are the least and the most arguments.
FORMS = {
    "residual": (1, 2),
    "skip": (1, 1),
    "add": (2, 64),
    "sub": (2, 2),
    "mul": (2, 64),
    "cat": (1, 64),
    "split": (2, 64),
    "repeat": (2, 2),
    "each": (2, 2),
}
REPEATS = ("repeat", "each")
FUNCTIONS = {"min": (1, 16), "max": (1, 16), "round_to": (2, 2), "size": (2, 2), "fixed": (1, 1)}
USAGE = {
    "residual": "residual(layer) or residual(layer, shortcut)",
    "skip": "skip(layer)",
    "add": "add(layer, layer, …)",
    "sub": "sub(layer, layer)",
    "mul": "mul(layer, layer, …)",
    "cat": "cat(layer, layer, …)",
    "split": "split(layer, layer, …)",
    "repeat": "repeat(count, layer)",
    "each": "each(count, layer)",
    "min": "min(a, b, …)",
    "max": "max(a, b, …)",
    "round_to": "round_to(x, divisor)",
    "size": "size(height, width)",
    "fixed": "fixed(channels)",
}
"""How every form and function is written."""
DETECT = "detect"
"""The stage of a text that makes its network a detector."""
DETECT_USAGE = "detect: fpn(256) -> roi_align(7) -> box_head(1024, classes=80)"
MULTIPLIERS = ("width_mult", "depth_mult")
TEXT_DEFAULTS = ("norm", "act", "p")
"""What the first line may set for every block of the text."""
NET_OPTIONS = ("input", "divisor", *MULTIPLIERS, *TEXT_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Callee:
    """A block or an operator to call: its parameters in order, each with a default, None or ``REQUIRED``.

    Defaults of blocks are expressions, defaults of operators are values. ``own`` blocks stand in the user's text.
    """

    name: str
    params: dict[str, object]
    block: ast.Block | None = None
    own: bool = False


_SPEC = DetectorSpec()
_BOXES = {"canonical": _SPEC.canonical, "rois": _SPEC.rois}
_PARTS: Mapping[str, Mapping[str, object]] = {
    "fpn": {"c": REQUIRED, "finest": 0, "coarsest": 0},
    "roi_align": {"n": _SPEC.size[0], "sampling": _SPEC.sampling, "aligned": int(_SPEC.aligned), **_BOXES},
    "roi_pool": {"n": _SPEC.size[0], **_BOXES},
    "box_head": {"c": REQUIRED, "classes": _SPEC.classes},
}
DETECT_PARTS: Mapping[str, Callee] = {name: Callee(name, dict(params)) for name, params in _PARTS.items()}
"""What the stage ``detect`` is made of, and it alone."""
DETECT_ORDER = (("fpn",), ("roi_align", "roi_pool"), ("box_head",))


@cache
def prelude() -> dict[str, Callee]:
    """Return the operators, and the blocks that every text may use, written in the language itself."""
    text = files("archlab.grammar").joinpath("blocks.arch").read_text(encoding="utf-8")
    return operators() | {block.name: callee_of(block, own=False) for block in parse_blocks(text, "blocks.arch")}


@cache
def operators() -> dict[str, Callee]:
    """Return the operators that a text may call by name."""
    return {name: Callee(name, dict(op.signature)) for name, op in OPS.items() if not op.joins}


def callee_of(block: ast.Block, own: bool) -> Callee:
    """Return a block as something to call; ``own`` where it is the text's and not the prelude's."""
    params = {p.name: REQUIRED if p.default is None else p.default for p in block.params}
    return Callee(block.name, params, block, own)
