"""A network made ready for timing by the backend of a setting."""

from __future__ import annotations

from archlab.ir import Graph
from archlab.latency.backend import Prepared, Setting


def prepare(graph: Graph, setting: Setting) -> Prepared:
    """Return the network of ``graph`` with weights, ready to be timed.

    Raises:
        InputError: a package is missing, or torch finds no CUDA device.
        BuildError: the graph cannot be built, or written as ONNX.
    """
    if setting.backend == "torch":
        from archlab.latency.time_torch import TorchNetwork

        return TorchNetwork(graph, setting)
    from archlab.latency.time_onnx import OnnxNetwork

    return OnnxNetwork(graph, setting)
