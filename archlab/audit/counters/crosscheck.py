"""The same model by whatever other counters are installed, and why each of them differs.

Every counter works on a copy of its own, for several of them leave the model altered. A counter that fails has its
reason in the result. Of totals only the sum can be compared, so a difference is looked for among the ways in which
counters are known to differ: columns that they add, and operators that they leave out.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from typing import Any

import torch
from torch import nn

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Difference, Peer
from archlab.audit.tracing.model_copy import copy_model
from archlab.audit.tracing.preserve import preserve_generators, set_mode
from archlab.units import format_signed

MacsAndParams = tuple[float, int | None]
Counter = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], MacsAndParams]

_ADDED_BY_SOME = ("bias", "norm", "pool", "elementwise")
"""Counts that some counters add to the MACs."""


def with_installed_counters(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], audit: Audit) -> Audit:
    """Add every installed counter's verdict to ``audit``."""
    peers = [_peer(name, model, tuple(args), dict(kwargs), audit) for name in COUNTERS if _is_installed(name)]
    return dataclasses.replace(audit, peers=(*audit.peers, *peers))


def _peer(name: str, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], audit: Audit) -> Peer:
    label = f"{name} {_version(name)}"
    try:
        with preserve_generators(), _silence():
            twin = copy_model(model)
            set_mode(twin, audit.training)
            macs, params = COUNTERS[name](twin.requires_grad_(False), copy.deepcopy(args), copy.deepcopy(kwargs))
    except Exception as error:  # other people's counters on anybody's model
        reason = (str(error).strip().splitlines() or [""])[0][:160]
        return Peer(label, failed=f"{type(error).__name__}: {reason}")
    return Peer(
        label,
        round(macs),
        params,
        differences=tuple(_differences(round(macs), params, audit, KNOWN.get(name, UNKNOWN))),
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Swallow what counters print, and their warnings."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


# --- the counters ------------------------------------------------------------------------------------------------


def _flop_counter_mode(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*args, **kwargs)
    return counter.get_total_flops() / 2, None


def _torchinfo(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    found = import_module("torchinfo").summary(model, input_data=list(args), verbose=0, device=device, **kwargs)
    return found.total_mult_adds, found.total_params


def _ptflops(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    one = _only_image(args, kwargs)
    found = import_module("ptflops").get_model_complexity_info(
        model,
        tuple(one.shape[1:]),
        as_strings=False,
        print_per_layer_stat=False,
        backend="aten",
        input_constructor=lambda _: one,
    )
    return found[0], found[1]


def _thop(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    _only_image(args, kwargs)
    macs, params = import_module("thop").profile(model, inputs=args, verbose=False)
    return macs, int(params)


def _calflops(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    found = import_module("calflops").calculate_flops(
        model, args=list(args), kwargs=kwargs, print_results=False, output_as_string=False
    )
    return found[1], found[2]


def _deepspeed(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    profiler = import_module("deepspeed.profiling.flops_profiler").get_model_profile
    _, macs, params = profiler(model, args=list(args), kwargs=kwargs, print_profile=False, as_string=False, warm_up=0)
    return macs, params


def _torchprofile(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MacsAndParams:
    if kwargs:
        raise ValueError("it takes no keyword arguments")
    return import_module("torchprofile").profile_macs(model, args), None


def _only_image(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    if kwargs or len(args) != 1 or not isinstance(args[0], torch.Tensor):
        raise ValueError("it takes one tensor")
    return args[0]


COUNTERS: Mapping[str, Counter] = {
    "torch FlopCounterMode": _flop_counter_mode,
    "torchinfo": _torchinfo,
    "ptflops": _ptflops,
    "thop": _thop,
    "calflops": _calflops,
    "deepspeed": _deepspeed,
    "torchprofile": _torchprofile,
}
"""Counters by the name of their package: MACs, and parameters where they count them."""


def _is_installed(name: str) -> bool:
    if name.startswith("torch "):
        return True
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _version(name: str) -> str:
    return version(name.partition(" ")[0]).partition("+")[0]


UNKNOWN = "no sum of columns and operators explains it"
KNOWN: Mapping[str, str] = {
    "torch FlopCounterMode": "it has no entry for the attention kernel of the CPU, nor for deformable convolution",
    "torchinfo": "it counts a layer's parameters for each place, norms and biases too, and leaves out a linear layer's"
    " tokens and all that is no module",
    "ptflops": "it adds biases, norms, pooling and activations, and counts a linear layer twice on the meta device",
    "thop": "it adds norms at twice their arithmetic and pooling, and leaves out all that is no module",
    "calflops": "it leaves out operators called on tensors, and counts a linear layer twice on the meta device",
    "deepspeed": "it leaves out operators called on tensors, and counts a linear layer twice on the meta device",
    "torchprofile": "it leaves out operators that its trace does not name",
}
"""How each counter is known to differ where its columns do not add up."""

# --- causes ------------------------------------------------------------------------------------------------------


def _differences(macs: int, params: int | None, audit: Audit, known: str) -> Iterator[Difference]:
    if macs != audit.macs:
        yield Difference("MACs", audit.macs, macs, cause_of(macs, audit) or f"{_by_how_much(macs, audit)}: {known}")
    if params is not None and params != audit.params:
        held = "it leaves out parameters that no module of a known kind holds, or counts shared ones more than once"
        yield Difference("params", audit.params, params, held)


def cause_of(macs: int, audit: Audit) -> str:
    """Say which counts added and which operators left out lead from the audit's MACs to another counter's."""
    columns = [name for name in _ADDED_BY_SOME if getattr(audit, name)]
    by_kind: dict[str, int] = {}
    for operator in audit.operators:
        if operator.macs:
            by_kind[operator.op] = by_kind.get(operator.op, 0) + operator.macs
    for added in range(len(columns) + 1):
        for left_out in range(min(3, len(by_kind)) + 1):
            for more in combinations(columns, added):
                for less in combinations(by_kind, left_out):
                    if audit.macs + sum(getattr(audit, c) for c in more) - sum(by_kind[k] for k in less) == macs:
                        return _words(more, less)
    for kind, n in by_kind.items():
        if macs > audit.macs and abs(macs - audit.macs - n) <= 0.01 * n:
            return f"it counts {kind} twice"
    return ""


def _by_how_much(macs: int, audit: Audit) -> str:
    return f"{format_signed(100 * (macs / audit.macs - 1), 3)} %" if audit.macs else f"{macs:+,}"


def _words(more: Sequence[str], less: Sequence[str]) -> str:
    words = [f"it adds {' and '.join(more)}"] * bool(more) + [f"it does not see {' and '.join(less)}"] * bool(less)
    return "; ".join(words) or "equal"
