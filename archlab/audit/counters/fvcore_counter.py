"""fvcore's count beside the audit's, operator by operator, on tensors without data.

fvcore counts a JIT trace. Traced on the meta device a model fails twice: sizes are tensors while a trace is made, as
PyTorch's own meta kernels do not expect; and the trace lacks every convolution, since only the CPU's kernel calls the
``aten::_convolution`` that fvcore looks for. Both are mended from outside, by a dispatch mode that runs each operator
on a thread of its own, where no trace is being made, and sends convolutions by way of ``_convolution``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from archlab.audit.audit_result import Audit
from archlab.audit.conventions import fvcore_flops
from archlab.audit.counters.fvcore_handles import HANDLES
from archlab.audit.detector_parts import is_detector
from archlab.audit.findings import Difference, Operator, Peer
from archlab.audit.tracing.model_copy import copy_model, copy_without_values
from archlab.audit.tracing.preserve import preserve_generators, set_mode

_TRACER = torch._C._dispatch_key_parse("Tracer")


class _OnMeta(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Let a JIT trace be made of a model on the meta device; see the module."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __init__(self, workers: ThreadPoolExecutor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._workers = workers

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten.convolution.default:
            with self, torch._C._SetExcludeDispatchKeyGuard(_TRACER, False):
                return torch.ops.aten._convolution.default(*args, False, False, True, True)
        return self._workers.submit(_untraced, func, args, kwargs or {}).result()


def _untraced(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with torch.no_grad(), torch._C._AutoDispatchBelowADInplaceOrView():
        return func(*args, **kwargs)


class _Bound(nn.Module):
    """A model with arguments that fvcore cannot hand over: keyword arguments, lists, what is no tensor."""

    def __init__(self, model: nn.Module, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.model = model
        leaves, self._spec = pytree.tree_flatten((args, kwargs))
        self._fixed = [None if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        self._is_tensor = [isinstance(leaf, Tensor) for leaf in leaves]
        self.tensors = tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        rest = iter(tensors)
        leaves = [next(rest) if known else fixed for known, fixed in zip(self._is_tensor, self._fixed, strict=True)]
        args, kwargs = pytree.tree_unflatten(leaves, self._spec)
        return tuple(t for t in pytree.tree_leaves(self.model(*args, **kwargs)) if isinstance(t, Tensor))


# --- counting ----------------------------------------------------------------------------------------------------

_FAMILIES = {
    **dict.fromkeys(("conv", "linear", "batch_norm", "layer_norm", "group_norm", "instance_norm")),
    **dict.fromkeys(("addmm", "bmm", "matmul", "mm", "einsum", "baddbmm", "addbmm", "mv", "dot", "vdot"), "products"),
    "scaled_dot_product_attention": "attention",
    "grid_sampler_2d": "grid_sampler",
}
_MACS = {"conv", "linear", "products", "attention", *(name.rpartition("::")[2] for name in HANDLES)}
"""The families whose flops are MACs; what our handles count is nothing else."""


def with_fvcore(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], audit: Audit) -> Audit:
    """Add fvcore's count of the same model and inputs to ``audit``."""
    return dataclasses.replace(audit, peers=(*audit.peers, fvcore_peer(model, args, kwargs, audit)))


def fvcore_peer(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], audit: Audit) -> Peer:
    """Return fvcore's count, and where and why it differs from ``audit``. A copy of ``model`` is traced."""
    name = f"fvcore {version('fvcore')}"
    if is_detector(model):
        return Peer(name, failed="a detector chooses boxes by their values, which a trace cannot follow; see its parts")
    try:
        by_module, uncounted = _trace(model, args, kwargs, audit)
    except Exception as error:  # a trace runs anybody's forward, with sizes that are tensors
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        return Peer(name, failed=f"{type(error).__name__}: {reason}")
    total = {op: n for op, n in by_module[""].items() if n}
    compared, differences = _compare(by_module, audit, uncounted)
    return Peer(
        name,
        macs=sum(n for op, n in total.items() if _family(op) in _MACS),
        params=None,
        by_operator=total,
        compared=compared,
        differences=differences,
        uncounted=uncounted,
    )


def _trace(
    model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], audit: Audit
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Return the counts by module and operator, and what has no handle."""
    with preserve_generators(), torch.no_grad(), ThreadPoolExecutor(1) as workers:
        if audit.device == "meta":
            call = _Bound(copy_without_values(model), *_on_meta(args, kwargs))
            mode: Any = _OnMeta(workers)
        else:
            call, mode = _Bound(copy_model(model), tuple(args), dict(kwargs)), contextlib.nullcontext()
        set_mode(call, audit.training)
        analysis = FlopCountAnalysis(call, call.tensors).set_op_handle(**dict(HANDLES))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        with mode:
            found = analysis.by_module_and_operator()
            uncounted = {name: int(n) for name, n in sorted(analysis.unsupported_ops().items())}
    prefix = "model"
    return {
        path.removeprefix(prefix).lstrip("."): {op: int(n) for op, n in counts.items()}
        for path, counts in found.items()
        if path.startswith(prefix)
    }, uncounted


def _on_meta(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return pytree.tree_map_only(Tensor, lambda t: t.to("meta"), (tuple(args), dict(kwargs)))  # type: ignore[no-any-return]


# --- comparing ---------------------------------------------------------------------------------------------------


def _family(name: str) -> str:
    """Return the name under which operators that do the same are compared together."""
    return _FAMILIES.get(name) or name


def _own_family(operator: Operator) -> str:
    plain = operator.op.rpartition("::")[2]
    if plain in ("conv1d", "conv2d", "conv3d", "deform_conv2d") or plain.startswith(("conv_transpose", "convolution")):
        return "conv"
    return _family(plain)


def _compare(
    theirs: dict[str, dict[str, int]], audit: Audit, uncounted: Mapping[str, int]
) -> tuple[int, tuple[Difference, ...]]:
    """Compare every module's own operators on both sides; return how many pairs there are, and those that differ."""
    ours: dict[tuple[str, str], int] = {}
    for operator in audit.operators:
        key = operator.module, _own_family(operator)
        ours[key] = ours.get(key, 0) + fvcore_flops(operator)
    other = _without_children(theirs)
    keys = [key for key in dict.fromkeys((*ours, *other)) if ours.get(key) or other.get(key)]
    differences = []
    for key in keys:
        mine, its = ours.get(key, 0), other.get(key, 0)
        if mine != its:
            where = f"{key[1]} in {key[0]}" if key[0] else key[1]
            differences.append(Difference(where, mine, its, _cause(key, mine, its, uncounted)))
    return len(keys), tuple(differences)


def _without_children(counts: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
    own: dict[tuple[str, str], int] = {}
    for path, operators in counts.items():
        for op, n in operators.items():
            for at, sign in ((path, 1), (_parent(path, counts), -1)):
                if at is not None:
                    key = at, _family(op)
                    own[key] = own.get(key, 0) + sign * n
    return own


def _parent(path: str, counts: Iterable[str]) -> str | None:
    return path.rpartition(".")[0] if path else None


def _cause(key: tuple[str, str], ours: int, theirs: int, uncounted: Mapping[str, int]) -> str:
    missing = f"aten::{key[1]}"
    if not theirs and missing in uncounted:
        return f"fvcore has no handle for {missing}"
    if key[1] == "products" and theirs:
        return (
            "fvcore's matmul leaves out a batch that only the right factor has,"
            " and its einsum goes along numpy's best path, not the one that ran"
        )
    return ""
