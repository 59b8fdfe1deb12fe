"""What a backend is to a profile: how it runs a network, and how it is asked for the times of a network's kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from archlab.errors import InputError
from archlab.ir import Graph
from archlab.latency.kernels import Kernel, Piece, Rule, Value, walk
from archlab.latency.onnx_rules import PLAIN, onnx_rule
from archlab.latency.torch_rules import LAST, torch_rule

BackendName = Literal["torch", "onnxruntime"]
BACKENDS: tuple[BackendName, ...] = ("torch", "onnxruntime")
DEVICES = ("cpu", "cuda")
DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Setting:
    """What times are of: the backend, where it runs, on how many threads, and in which numbers.

    Attributes:
        block: channels in a block of ONNX Runtime's maps: 16 with AVX-512, else 8; 0 for torch.
    """

    backend: BackendName
    device: str = "cpu"
    threads: int = 1
    dtype: str = "float32"
    block: int = 0

    def __post_init__(self) -> None:
        if self.backend == "onnxruntime" and (self.device, self.dtype) != ("cpu", "float32"):
            raise InputError(
                f"a profile of onnxruntime is of the processor in float32, not {self.device} in {self.dtype}",
                hint="leave out --device and --dtype, or take --backend torch",
            )
        if self.threads < 1:
            raise InputError(f"the number of threads must be at least 1, not {self.threads}")

    @property
    def rule(self) -> Rule:
        """How the backend's kernels follow from nodes."""
        return torch_rule if self.backend == "torch" else onnx_rule(self.block)

    @property
    def form(self) -> str:
        """How an image lies when it comes in."""
        return LAST if self.backend == "torch" else PLAIN


def piece_of(graph: Graph, setting: Setting) -> Piece:
    """Return the kernels that a backend runs for a graph."""
    given = {name: Value(graph.shape_of(name), setting.form) for name in graph.inputs}
    return walk(graph.nodes, given, graph.outputs, setting.rule)


class Prepared(Protocol):
    """A network ready to be timed; ``piece`` are its kernels."""

    piece: Piece

    def whole(self) -> float:
        """Return the seconds of one run."""
        ...

    def runs(self, times: int) -> list[Mapping[Kernel, list[float]]]:
        """Return for each of so many runs the seconds of every kernel, each as often as it runs."""
        ...
