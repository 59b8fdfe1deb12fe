"""A network for elsewhere: ONNX, Python source, a torch.export program, or its canonical text."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from archlab.elaborate import Network, Space, settle
from archlab.errors import InputError
from archlab.grammar import unparse

__all__ = ["FORMATS", "export"]


def export(space: Space, network: Network, to: str, seed: int = 0) -> str | bytes:
    """``network``, a draw of ``space``, in a format of ``FORMATS``; weights are those of ``build`` with ``seed``.

    ONNX and pt2 are in eval mode, for any batch and the network's own height and width.

    Raises:
        InputError: the format is unknown, or needs a package that is not installed.
        BuildError: an operator cannot be said in it.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r}", hint=f"the formats are {', '.join(FORMATS)}")
    return FORMATS[to](space, network, seed)


def _onnx(space: Space, network: Network, seed: int) -> bytes:
    from archlab.nn.module import build

    try:
        from archlab.nn.export.onnx import to_onnx
    except ImportError as error:
        raise InputError("export to ONNX needs the package onnx", hint="pip install 'archlab[onnx]'") from error
    return bytes(to_onnx(network.graph, build(network.graph, seed)).SerializeToString())


def _python(space: Space, network: Network, seed: int) -> str:
    from archlab.nn.export.source import to_source

    return to_source(network)


def _pt2(space: Space, network: Network, seed: int) -> bytes:
    import torch

    from archlab.nn.module import build

    # A batch of one would be taken for a constant.
    images = torch.zeros(2, *network.input_shape)
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(build(network.graph, seed).eval(), (images,), dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _arch(space: Space, network: Network, seed: int) -> str:
    return unparse(settle(space, network))


FORMATS: Mapping[str, Callable[[Space, Network, int], str | bytes]] = {
    "onnx": _onnx,
    "python": _python,
    "pt2": _pt2,
    "arch": _arch,
}
"""The formats by name."""
