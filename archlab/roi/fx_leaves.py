"""The public functions as leaves of ``torch.fx.symbolic_trace``: one node each, as torchvision's are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from torch.fx import Proxy

Function = TypeVar("Function", bound=Callable[..., Any])


def fx_leaf(function: Function) -> Function:
    """Return ``function``, which becomes a node of the graph where an argument is a proxy of a trace."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        proxy = _proxy_in([*args, *kwargs.values()])
        if proxy is None:
            return function(*args, **kwargs)
        return proxy.tracer.create_proxy("call_function", run, args, kwargs)

    return run  # type: ignore[return-value]


def _proxy_in(values: Any) -> Proxy | None:
    for value in values:
        if isinstance(value, Proxy):
            return value
        if isinstance(value, list | tuple) and (inner := _proxy_in(value)) is not None:
            return inner
    return None
