"""A network, or a part of a detector, for elsewhere: the table of formats.

A new format is a file with a function ``write``, and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from archlab.elaborate import Network, Space
from archlab.errors import InputError
from archlab.exchange.export_parts import DetectorPart, Weights, refuse_opaque

__all__ = ["FORMATS", "DetectorPart", "Format", "export"]


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the table.

    Attributes:
        title: what it is, for help texts.
        module: the module whose ``write(space, network, seed, part, weights)`` makes it; imported only when it is asked
            for.
        is_binary: whether it makes bytes, which need a file, and not text.
        has_weights: whether it holds weights, in itself or in a file beside it.
    """

    title: str
    module: str
    is_binary: bool = False
    has_weights: bool = False


FORMATS: Mapping[str, Format] = {
    "onnx": Format("ONNX", "archlab.exchange.to_onnx", is_binary=True, has_weights=True),
    "python": Format("a Python module", "archlab.exchange.python.source", has_weights=True),
    "pt2": Format("a torch.export program", "archlab.exchange.to_pt2", is_binary=True, has_weights=True),
    "arch": Format("canonical text", "archlab.exchange.to_arch"),
    "timm": Format("timm's block strings", "archlab.exchange.timm_out"),
}
"""The formats by name."""


def export(
    space: Space,
    network: Network,
    to: str,
    seed: int = 0,
    part: DetectorPart = "whole",
    weights: Weights | None = None,
) -> str | bytes:
    """Write ``network``, a draw of ``space``, in a format of ``FORMATS``.

    ONNX and pt2 are in eval mode, for any batch and the network's own height and width; a whole detector takes any
    number of boxes (K, 5) as well. Of a detector, ``part`` says what: ``neck`` is its backbone with the neck, whose
    outputs are the levels, ``backbone`` what is before it. A pt2 of a whole detector needs archlab.roi where it runs.

    Python source with ``weights`` ends in a function ``trained``, which reads them from NAME.safetensors beside it, by
    the network's name. ``archlab.train.save_weights`` writes that file.

    Args:
        weights: a state dict, by the names of ``archlab.build``; by default those of ``build`` with ``seed``.

    Raises:
        InputError: the format is unknown, needs a package that is not installed, or cannot hold this part, this network
            or weights; or these are not the network's.
        BuildError: an operator cannot be said in it, or is an ``opaque``, which only canonical text can hold.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r}", hint=f"the formats are {', '.join(FORMATS)}")
    if to != "arch":
        refuse_opaque(network.graph)
    if weights is not None and not FORMATS[to].has_weights:
        holding = ", ".join(name for name, row in FORMATS.items() if row.has_weights)
        raise InputError(f"{FORMATS[to].title} ({to}) holds no weights", hint=f"those that do are {holding}")
    written = import_module(FORMATS[to].module).write(space, network, seed, part, weights)
    return cast("str | bytes", written)
