"""One audit: the pass, or the passes, that a model takes, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from torch import nn

from archlab.audit.assemble import assemble
from archlab.audit.forward import run
from archlab.audit.result import Audit

import dataclasses


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
    audit = assemble(name or type(model).__name__, run(model, args, kwargs or {}, training))
    return dataclasses.replace(audit, seconds=perf_counter() - start)
