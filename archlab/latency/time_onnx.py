"""The times of a network's kernels under ONNX Runtime, as its own profiler tells them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archlab.errors import InputError
from archlab.ir import Graph
from archlab.latency.backend import Setting, piece_of
from archlab.latency.clocks import clock_for
from archlab.latency.kernels import Kernel
from archlab.latency.onnx_rules import BLOCKS, PLAIN, reorder
from archlab.nn import build

_MICRO = 1e-6
_LONG = 1e-3
"""Seconds: a kernel as long as this may be interrupted in every run."""


class OnnxNetwork:
    """A network as ``archlab export`` writes it, in a session on all levels of optimisation, for a blank image."""

    def __init__(self, graph: Graph, setting: Setting) -> None:
        self.piece = piece_of(graph, setting)
        self._threads = setting.threads
        self._clock = clock_for(setting.threads)
        self._bytes = model_bytes(graph)
        self._inputs = {"input": np.zeros((1, *graph.input_shape), np.float32)}
        self._session = session(self._bytes, setting.threads)
        self._owners = {name: i for i, names in enumerate(self.piece.nodes) for name in names}

    def whole(self) -> float:
        """Return the seconds of one run."""
        before = self._clock()
        self._session.run(None, self._inputs)
        return self._clock() - before

    def runs(self, times: int) -> list[Mapping[Kernel, list[float]]]:
        """Return the seconds of every kernel, each as often as it runs: of so many runs, or on one thread of one.

        That one is what so many runs say together; see ``on_processor``.
        """
        took: list[float] = []
        with tempfile.TemporaryDirectory() as folder:
            profiled = session(self._bytes, self._threads, Path(folder))
            for _ in range(times + 1):  # the first warms it up
                before = self._clock()
                profiled.run(None, self._inputs)
                took.append(self._clock() - before)
            events = json.loads(Path(profiled.end_profiling()).read_text(encoding="utf-8"))
        runs = list(_runs_in(events))[1:]
        spans = np.array([[event["dur"] * _MICRO for event in run] for run in runs])
        if self._threads == 1:
            spans = on_processor(spans, np.array(took[1:]))
        return [self._by_kernel(run, span) for run, span in zip(runs, spans.tolist(), strict=False)]

    def _by_kernel(self, events: list[dict[str, Any]], spans: list[float]) -> dict[Kernel, list[float]]:
        seconds: dict[int, float] = {}
        found: dict[Kernel, list[float]] = {}
        for event, spent in zip(events, spans, strict=True):
            if event["args"]["op_name"].startswith("Reorder"):
                found.setdefault(_reorder(event), []).append(spent)
                continue
            place = self._owner(event["name"])
            if place is not None:
                seconds[place] = seconds.get(place, 0.0) + spent
        for place, spent in seconds.items():
            found.setdefault(self.piece.kernels[place], []).append(spent)
        return found

    def _owner(self, event: str) -> int | None:
        """Return the kernel of a profiled node; None for what only tells the batch or is named by nobody."""
        name = event.removesuffix("_kernel_time").removeprefix("fused ").removesuffix("_nchwc").removesuffix("_bn")
        while name not in self._owners and "/" in name:
            name = name.rpartition("/")[0]
        return self._owners.get(name)


def on_processor(spans: np.ndarray, took: np.ndarray) -> np.ndarray:
    """Return the processor's seconds of each event, as one run; what other processes took between is not in them.

    The profiler reads the wall's clock, and the processor's own is known of whole runs alone. So each event counts by
    its shortest run, and all together as the processor's median. Where even the shortest runs are longer together, what
    is too much is taken off long events first, which may be interrupted in every run.

    Args:
        spans: the wall's seconds, runs by events.
        took: the processor's seconds of each run.
    """
    least = spans.min(0)
    whole = float(np.median(took))
    is_long = least > _LONG
    excess, in_long = least.sum() - whole, least[is_long].sum()
    if 0 < excess < in_long / 2:
        least[is_long] *= 1 - excess / in_long
    kept: np.ndarray = least * (whole / max(least.sum(), 1e-12))
    return kept[None]


def model_bytes(graph: Graph) -> bytes:
    """Return the ONNX model of a graph.

    Raises:
        InputError: the package onnx is not installed.
        BuildError: the graph cannot be written as ONNX.
    """
    try:
        from archlab.exchange.onnx_graph import to_onnx
    except ImportError as error:
        raise InputError("this needs the package onnx", hint="pip install 'archlab[onnx]'") from error
    return bytes(to_onnx(graph, build(graph)).SerializeToString())


def session(model: bytes, threads: int, folder: Path | None = None) -> Any:
    """Return a session for ``model`` on so many threads of the processor, profiled into ``folder`` where one is named.

    Raises:
        InputError: the package onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("this needs the package onnxruntime", hint="pip install 'archlab[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    if folder is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / "run")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _runs_in(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the nodes' events of each run, in order."""
    spans = [(e["ts"], e["ts"] + e["dur"]) for e in events if e["name"] == "model_run"]
    nodes = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    for begin, end in sorted(spans):
        yield [event for event in nodes if begin <= event["ts"] <= end]


def _reorder(event: dict[str, Any]) -> Kernel:
    to_blocks = event["args"]["op_name"] == "ReorderInput"
    side = "input_type_shape" if to_blocks else "output_type_shape"
    (shape,) = event["args"][side][0].values()
    _, channels, height, width = shape
    return reorder(BLOCKS if to_blocks else PLAIN, channels, height, width)
