"""One audit: the pass, or the passes, that a model takes, put together."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

from torch import nn

from archlab.audit.assemble import assemble
from archlab.audit.forward import run
from archlab.audit.result import Audit

def measure(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    training: bool | None = False,
) -> Audit:
    """The audit of ``model(*args, **kwargs)``, see ``archlab.audit``.

    Args:
        name: what to call it; by default its class.
        training: the mode that every module is set to for the pass; None leaves the modes as they are.
    """
    start = perf_counter()
    with _without_collections():
        audit = assemble(name or type(model).__name__, run(model, args, kwargs or {}, training))
    return dataclasses.replace(audit, seconds=perf_counter() - start)


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage collection: memory then lives as long as it is referred to, in every run alike."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
