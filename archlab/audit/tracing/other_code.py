"""Other libraries' code during a pass: memory that it gets at is journalled, what it runs for itself not recorded."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from archlab.audit.tracing.surroundings import replaced
from archlab.audit.tracing.tracer import Tracer

_WAYS_TO_MEMORY = ("numpy", "__array__", "__dlpack__", "data_ptr")
"""How other code gets at the memory of a tensor."""
_SHARDING = "_propagate_op_sharding_dispatch_slow_path"
"""Where DTensor works out shapes and placements."""


@contextlib.contextmanager
def other_code_followed(tracer: Tracer) -> Iterator[None]:
    """Journal the memory that is handed out, and do not record what DTensor runs to know how to divide an operator's.

    No operator tells what numpy and its kin write.
    """
    with contextlib.ExitStack() as stack:
        for name in _WAYS_TO_MEMORY:
            stack.enter_context(replaced(Tensor, name, _journalled(getattr(Tensor, name), tracer)))
        dispatcher = getattr(sys.modules.get("torch.distributed.tensor._dispatch"), "OpDispatcher", None)
        if hasattr(dispatcher, _SHARDING):
            stack.enter_context(replaced(dispatcher, _SHARDING, _muted(getattr(dispatcher, _SHARDING), tracer)))
        yield


def _journalled(method: Callable[..., Any], tracer: Tracer) -> Callable[..., Any]:
    @functools.wraps(method)
    def hand_out(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        tracer.keep(self)
        return method(self, *args, **kwargs)

    return hand_out


def _muted(function: Callable[..., Any], tracer: Tracer) -> Callable[..., Any]:
    @functools.wraps(function)
    def unseen(*args: Any, **kwargs: Any) -> Any:
        before, tracer.muted = tracer.muted, True
        try:
            return function(*args, **kwargs)
        finally:
            tracer.muted = before

    return unseen
