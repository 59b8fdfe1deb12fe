"""Preserve a model: what a forward pass may change about it is kept before and put back after.

Forwards store features, count their calls, fill caches, freeze weights. None of this may remain after an audit.
Values of tensors are not kept here: the tracer either never computes on them or journals what it overwrites.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archlab.audit.tracing.caches import Caches
from archlab.audit.tracing.kept_state import KeptState

Undo = Callable[[], None]


@dataclass
class Preserved:
    """The tensors that a model holds beside parameters and buffers, and the paths of what could not be put back."""

    tensors: tuple[Tensor, ...]
    left: tuple[str, ...] = ()


@contextlib.contextmanager
def preserve_model(model: nn.Module, *given: Any, values: bool = False) -> Iterator[Preserved]:
    """Keep ``model``, what is reached from it, and every random generator as they are, whatever happens inside.

    Args:
        given: what else a forward is given by the caller and could change, such as modules among the inputs.
        values: whether to compare the numbers of parameters and buffers afterwards: a forward for real may write any.

    Yields:
        What was found, and afterwards the paths of what the forward changed and could not be put back.
    """
    kept = KeptState()
    kept.keep_model(model)
    kept.keep(given, "an input")
    if values:
        kept.keep_values(model)
    caches = Caches(model)
    undo = _keep_generators()
    preserved = Preserved(tuple(kept.tensors))
    try:
        yield preserved
    finally:
        preserved.left += kept.restore()
        caches.forget()
        for step in undo:
            step()


@contextlib.contextmanager
def preserve_generators() -> Iterator[None]:
    """Keep every random generator as it is, whatever happens inside."""
    undo = _keep_generators()
    try:
        yield
    finally:
        for step in undo:
            step()


def _keep_generators() -> list[Undo]:
    state = torch.get_rng_state()
    python = random.getstate()
    undo: list[Undo] = [lambda: torch.set_rng_state(state), lambda: random.setstate(python)]
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        cuda = torch.cuda.get_rng_state_all()
        undo.append(lambda: torch.cuda.set_rng_state_all(cuda))
    if "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        legacy = numpy.random.get_state()
        undo.append(lambda: numpy.random.set_state(legacy))
    return undo


def set_mode(model: nn.Module, training: bool | None) -> None:
    """Set every module's flag, not by ``eval()``, which may be overridden to merge weights. None leaves the flags."""
    if training is None:
        return
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            if hasattr(module, "training"):
                module.training = training
        else:
            module.__dict__["training"] = training
