"""A network, or a part of a detector, for elsewhere: ONNX, Python source, a torch.export program, canonical text."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from archlab.elaborate import Network, Space, fill_holes
from archlab.errors import InputError
from archlab.exchange.parts import Part
from archlab.grammar import unparse
from archlab.ir import BOXES

__all__ = ["FORMATS", "Part", "export"]


def export(space: Space, network: Network, to: str, seed: int = 0, part: Part = "whole") -> str | bytes:
    """``network``, a draw of ``space``, in a format of ``FORMATS``; weights are those of ``build`` with ``seed``.

    ONNX and pt2 are in eval mode, for any batch and the network's own height and width; a whole detector takes any
    number of boxes (K, 5) as well. Of a detector, ``part`` says what: ``neck`` is its backbone with the neck, whose
    outputs are the levels, ``backbone`` what is before it. A pt2 of a whole detector needs archlab.roi where it runs.

    Raises:
        InputError: the format is unknown, or needs a package that is not installed.
        BuildError: an operator cannot be said in it.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r}", hint=f"the formats are {', '.join(FORMATS)}")
    return FORMATS[to](space, network, seed, part)


def _onnx(space: Space, network: Network, seed: int, part: Part) -> bytes:
    from archlab.exchange.parts import built

    graph, module = built(network, part, seed)
    try:
        from archlab.exchange.onnx import to_onnx
        from archlab.exchange.onnx_traced import to_onnx_with_boxes
    except ImportError as error:
        raise InputError("export to ONNX needs the package onnx", hint="pip install 'archlab[onnx]'") from error
    if BOXES in graph.inputs:
        return to_onnx_with_boxes(graph, module)
    return bytes(to_onnx(graph, module).SerializeToString())


def _python(space: Space, network: Network, seed: int, part: Part) -> str:
    from archlab.exchange.parts import check
    from archlab.exchange.python.source import to_source

    check(network, part)
    if network.detector is not None and part != "backbone":
        raise InputError(
            "Python source that needs torch alone cannot hold a neck and RoI align",
            hint="export the backbone (--part backbone), or the whole to onnx or pt2",
        )
    return to_source(network.without_detector)


def _pt2(space: Space, network: Network, seed: int, part: Part) -> bytes:
    import torch

    from archlab.exchange.parts import built
    from archlab.nn.blank_inputs import blank_inputs

    graph, module = built(network, part, seed)
    # A batch of one would be taken for a constant.
    shapes = tuple({0: torch.export.Dim(name)} for name in ("batch", "boxes")[: len(graph.inputs)])
    program = torch.export.export(module, blank_inputs(graph, images=2), dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _arch(space: Space, network: Network, seed: int, part: Part) -> str:
    if part != "whole":
        raise InputError("a text holds a detector whole", hint="remove its stage detect for the backbone alone")
    return unparse(fill_holes(space, network))


FORMATS: Mapping[str, Callable[[Space, Network, int, Part], str | bytes]] = {
    "onnx": _onnx,
    "python": _python,
    "pt2": _pt2,
    "arch": _arch,
}
"""The formats by name."""
