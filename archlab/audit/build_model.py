"""Build models with random weights, and without memory for those where that can be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from archlab.audit.tracing.meta_tensors import LAZY, tensors_in
from archlab.audit.tracing.recording import Recording
from archlab.audit.tracing.tracer import Tracer
from archlab.errors import ArchlabError, AuditError
from archlab.user_effects import refused_exits
from archlab.user_prints import prints_on_stderr

Factory = Callable[[], Any]

_FILLED = frozenset({"empty", "zeros", "ones", "full", "rand", "randn", "empty_strided", "empty_permuted"})
"""Operators that make parameters and buffers, to be filled later or with values that do not matter."""


def build_without_memory(factory: Factory) -> Any:
    """Call ``factory`` on the meta device.

    Schedules and indices, small tensors that a factory computes and may read, are computed for real (RegNet computes
    its widths so). Where that is not enough, the factory runs for real, and each parameter moves to the meta device as
    soon as a module has it.

    Raises:
        AuditError: the factory fails in both ways.
    """
    try:
        with _Blank():
            return _call(factory)
    except AuditError:
        with _parameters_on_meta():
            return _call(factory)


class _Blank(Tracer):  # type: ignore[no-untyped-call]
    """Make tensors without data, and leave out what would fill them."""

    def __init__(self) -> None:
        super().__init__(Recording(), meta=True, parameters=())

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        known = self.known(func)
        tensors = tensors_in(kwargs.values(), tensors_in(args, []))
        if known.in_place and tensors and tensors[0].is_meta:
            return tensors[0]
        if known.name == "empty" and kwargs.get("device") is not None and list(args[:1]) == [[0]]:
            return func(*args, **kwargs)  # a handle that gets its memory next, as where a storage is copied
        if known.name in _FILLED and known.factory:
            return func(*args, **{**kwargs, "device": "meta"})
        return self.on_meta(func, known, args, kwargs, tensors)[0]


def build_for_real(factory: Factory) -> Any:
    """Call ``factory`` as it is, on whatever device it chooses.

    Raises:
        AuditError: the factory fails.
    """
    return _call(factory)


def _call(factory: Factory) -> Any:
    try:
        # Whatever a model prints while it is built is no result of ours.
        with prints_on_stderr(), refused_exits():
            return factory()
    except ArchlabError:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # a factory is anybody's code: it may even exit
        lines = str(error).strip().splitlines() or [""]
        raise AuditError(f"cannot be built: {type(error).__name__}: {lines[0][:300]}") from error


@contextlib.contextmanager
def _parameters_on_meta() -> Iterator[None]:
    original = nn.Module.register_parameter

    def register(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        original(self, name, param)
        if param is not None and not param.is_meta and not isinstance(param, LAZY):
            self._parameters[name] = nn.Parameter(param.detach().to("meta"), param.requires_grad)

    nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = original  # type: ignore[method-assign]
