"""Operators under nested transforms of ``torch.func``: what runs at one level, and what the levels below record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import forward_ad
from torch.autograd.forward_ad import _set_fwd_grad_enabled, unpack_dual

# Not annotated in torch.
_primal_part: Any = unpack_dual
_autograd: Any = torch.autograd


def run_below(op: Any, mode: tuple[bool, bool], *args: Any) -> Any:
    """Call an operator below autograd, with gradients on or off as ``mode`` says: see ``grad_mode``."""
    # A Function's forward runs with gradients off. Under nested transforms of torch.func the levels below
    # this one are still to record the operator, so they must find gradients as the caller left them.
    if not torch._C._are_functorch_transforms_active():
        with torch._C._AutoDispatchBelowAutograd():
            return op(*args)
    with (
        torch._C._AutoDispatchBelowAutograd(),
        torch.set_grad_enabled(mode[0]),
        _set_fwd_grad_enabled(mode[1]),
    ):
        return op(*args)


def grad_mode() -> tuple[bool, bool]:
    """Return whether gradients are recorded now, backward and forward."""
    return torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()


def records(*tensors: Tensor | None) -> bool:
    """Return whether a derivative may be asked of what is computed from these tensors."""
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return True
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def plain(*tensors: Tensor | None) -> bool:
    """Return whether an operator on these tensors may as well be its kernel: nothing traces, times or intercepts it.

    A dispatch through Python takes as long as a small problem.
    """
    return (
        not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and all(x is None or type(x) in (Tensor, torch.nn.Parameter) for x in tensors)
        and torch._C._len_torch_dispatch_stack() == 0
        and torch._C._get_tracing_state() is None
        and not _autograd._profiler_enabled()
    )


def apply_function(function: Any, *args: Any) -> Any:
    """Apply an autograd Function, whose forward takes the present ``grad_mode`` first."""
    # A kernel runs inside one level of torch.func's interpreters, which already has unwrapped the levels
    # above it.
    with enable_single_level_autograd_function():
        return function.apply(grad_mode(), *args)


def recorded_below(jvp: Callable[..., Any]) -> Callable[..., Any]:
    """Let the levels of torch.func below this one record what a jvp computes, as in ``run_below``.

    The saved tensors are dual at this level; their primal parts are duals of the levels below only.
    """

    def run(ctx: Any, *args: Any) -> Any:
        if not torch._C._are_functorch_transforms_active():
            return jvp(ctx, ctx.saved_tensors, *args)
        with _set_fwd_grad_enabled(True):
            saved = [x if x is None else _primal_part(x).primal for x in ctx.saved_tensors]
            return jvp(ctx, saved, *args)

    return run
