"""The times of a network's kernels under torch, measured where they stand: in the network as it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx

from archlab.errors import InputError
from archlab.ir import Graph
from archlab.latency.backend import Setting, piece_of
from archlab.latency.clocks import clock_for, cost_of
from archlab.latency.kernels import Kernel
from archlab.nn import build
from archlab.nn.blank_inputs import blank_inputs
from archlab.nn.module import target_of


class TorchNetwork:
    """A network in evaluation mode and channels-last layout, for blank inputs.

    Node by node, each is run by its own call with a look at the clock before and after. What is no longer needed is
    freed as the module's own code frees it, so that the allocator gives the same memory.
    """

    def __init__(self, graph: Graph, setting: Setting) -> None:
        _refuse_no_cuda(setting)
        self.piece = piece_of(graph, setting)
        dtype = getattr(torch, setting.dtype)
        module = build(graph).eval()
        module.to(device=setting.device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._module = module
        self._inputs = [_placed(x, setting.device, dtype) for x in blank_inputs(graph)]
        self._clock = clock_for(setting.threads)
        self._look = cost_of(self._clock)
        self._is_cuda = setting.device == "cuda"
        self._owners = _owners(module, graph)
        self._ends = _last_uses(module.graph)
        self._calls: dict[fx.Node, Callable[..., Any]] = {
            node: module.get_submodule(str(node.target))
            if node.op == "call_module"
            else cast("Callable[..., Any]", node.target)
            for node in self._owners
        }

    @torch.inference_mode()
    def whole(self) -> float:
        """Return the seconds of one run."""
        if self._is_cuda:
            return self._whole_by_events()
        before = self._clock()
        self._module(*self._inputs)
        return self._clock() - before

    @torch.inference_mode()
    def runs(self, times: int) -> list[Mapping[Kernel, list[float]]]:
        """Return for each of so many runs the seconds of every kernel, each as often as it runs."""
        return [self._by_kernel(self._by_node()) for _ in range(times)]

    def _by_kernel(self, seconds: Mapping[str, float]) -> dict[Kernel, list[float]]:
        found: dict[Kernel, list[float]] = {}
        for kernel, names in zip(self.piece.kernels, self.piece.nodes, strict=True):
            found.setdefault(kernel, []).append(sum(seconds[name] for name in names))
        return found

    def _by_node(self) -> dict[str, float]:
        marks: list[tuple[str, Any, Any]] = []
        values: dict[fx.Node, Any] = {}
        given = iter(self._inputs)
        for node in self._module.graph.nodes:
            if node.op == "placeholder":
                values[node] = next(given)
            elif node in self._calls:
                args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
                call = self._calls[node]
                before = self._mark()
                values[node] = call(*args, **kwargs)
                marks.append((self._owners[node], before, self._mark()))
            for source in self._ends.get(node, ()):
                del values[source]
        if self._is_cuda:
            torch.cuda.synchronize()
        seconds: dict[str, float] = {}
        for owner, before, after in marks:
            spent = before.elapsed_time(after) / 1e3 if self._is_cuda else max(after - before - self._look, 0.0)
            seconds[owner] = seconds.get(owner, 0.0) + spent
        return seconds

    def _mark(self) -> Any:
        if not self._is_cuda:
            return self._clock()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _whole_by_events(self) -> float:
        before = self._mark()
        self._module(*self._inputs)
        after = self._mark()
        torch.cuda.synchronize()
        seconds: float = before.elapsed_time(after) / 1e3
        return seconds


def _refuse_no_cuda(setting: Setting) -> None:
    if setting.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA device here", hint="leave out --device, or install torch with CUDA")


def _placed(x: Tensor, device: str, dtype: torch.dtype) -> Tensor:
    if x.dim() != 4:
        return x.to(device)
    return x.to(device=device, dtype=dtype, memory_format=torch.channels_last)


def _owners(module: fx.GraphModule, graph: Graph) -> dict[fx.Node, str]:
    """Return which node of ``graph`` each call is of: a sum of three is two calls."""
    calls = iter(node for node in module.graph.nodes if node.op in ("call_module", "call_function"))
    owners: dict[fx.Node, str] = {}
    for node in graph:
        count = max(len(node.inputs) - 1, 1) if node.op in ("add", "sub", "mul") else 1
        for _ in range(count):
            call = next(calls)
            assert call.op == "call_function" or call.target == target_of(node.name)
            owners[call] = node.name
    return owners


def _last_uses(graph: fx.Graph) -> dict[fx.Node, Sequence[fx.Node]]:
    """Return which values each node is the last to need."""
    last: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        for source in node.all_input_nodes:
            last[source] = node
    ends: dict[fx.Node, list[fx.Node]] = {}
    for source, node in last.items():
        ends.setdefault(node, []).append(source)
    return dict(ends)
