"""An export run beside the module that it was made from: by ONNX Runtime, by torch.export, or as Python source."""

from __future__ import annotations

import dataclasses
import io
import runpy
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from archlab.errors import BuildError, InputError
from archlab.exchange.export_parts import weights_file
from archlab.ir import Graph
from archlab.nn.blank_inputs import blank_inputs
from archlab.nn.weight_files import save_weights

IMAGES = 2
MOST = 1e-3
"""Of the largest output, what an export may differ by: sums run in another order there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """How far an export's outputs are from the module's, on random images.

    Attributes:
        worst: the largest absolute difference.
        largest: the module's largest absolute output.
    """

    worst: float
    largest: float

    def __str__(self) -> str:
        return f"differs from the module by at most {self.worst:.2g}, its outputs being up to {self.largest:.3g}"


@torch.no_grad()
def check_export(content: str | bytes, to: str, graph: Graph, module: nn.Module) -> Difference:
    """Run an export of ``module``, which was built from ``graph``, on random images, and return how far it is off.

    Args:
        content: as ``export`` returned it for the format ``to``: onnx, pt2 or python.

    Raises:
        InputError: onnxruntime is not installed.
        BuildError: the outputs differ by more than ``MOST`` of the largest.
    """
    blank = blank_inputs(graph, images=IMAGES)
    rng = torch.Generator().manual_seed(0)
    inputs = (torch.randn(blank[0].shape, generator=rng), *blank[1:])
    wanted = _listed(module.eval()(*inputs))
    given = _RUNS[to](content, graph, module, inputs)
    worst = max(float((a - b).abs().max()) for a, b in zip(wanted, given, strict=True))
    found = Difference(worst, max(float(value.abs().max()) for value in wanted))
    if not found.worst <= MOST * max(found.largest, 1e-6):
        raise BuildError(f"{graph.name} as {to} {found}", hint="report it with the text; nothing was written")
    return found


def _listed(outputs: object) -> list[Tensor]:
    return list(outputs) if isinstance(outputs, tuple | list) else [cast("Tensor", outputs)]


def _run_onnx(content: str | bytes, graph: Graph, module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("the check of ONNX needs onnxruntime", hint="pip install 'archlab[onnx]'") from error
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given = {value.name: x.numpy() for value, x in zip(session.get_inputs(), inputs, strict=True)}
    return [torch.from_numpy(value) for value in session.run(None, given)]


def _run_pt2(content: str | bytes, graph: Graph, module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    assert isinstance(content, bytes)
    return _listed(torch.export.load(io.BytesIO(content)).module()(*inputs))


def _run_python(content: str | bytes, graph: Graph, module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Run the source as a user would: from a file, with its weights beside it."""
    assert isinstance(content, str)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "exported.py"
        source.write_text(content, encoding="utf-8")
        save_weights(module, source.with_name(weights_file(graph.name)))
        return _listed(runpy.run_path(str(source))["trained"]()(*inputs))


_RUNS: Mapping[str, Callable[[str | bytes, Graph, nn.Module, Sequence[Tensor]], list[Tensor]]] = {
    "onnx": _run_onnx,
    "pt2": _run_pt2,
    "python": _run_python,
}
