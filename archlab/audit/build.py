"""Building models with random weights and without memory for them, where that can be."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from archlab.errors import ArchlabError, AuditError

Factory = Callable[[], Any]


def without_memory(factory: Factory) -> Any:
    """What ``factory`` makes, on the meta device.

    A factory that reads values of the tensors it makes (such as RegNet's, which computes its widths with torch) cannot
    run there: it runs for real, and each parameter moves to the meta device as soon as a module has it.

    Raises:
        AuditError: the factory fails in both ways.
    """
    try:
        with torch.device("meta"):
            return _called(factory)
    except AuditError:
        with _parameters_on_meta():
            return _called(factory)


def for_real(factory: Factory) -> Any:
    """What ``factory`` makes, where it wants to.

    Raises:
        AuditError: the factory fails.
    """
    return _called(factory)


def _called(factory: Factory) -> Any:
    try:
        # Whatever a model prints while it is built is no result of ours.
        with contextlib.redirect_stdout(sys.stderr):
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
        if param is not None and not param.is_meta and not isinstance(param, nn.parameter.UninitializedTensorMixin):
            self._parameters[name] = nn.Parameter(param.detach().to("meta"), param.requires_grad)

    nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.register_parameter = original  # type: ignore[method-assign]
