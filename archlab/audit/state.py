"""A model as it was: what a forward pass may change about it, kept before and put back after.

Forwards store features, count their calls, fill caches, freeze weights. None of it may remain of an audit.
Values of tensors are not kept here: the tracer either never computes on them or journals what it overwrites.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

_DEPTH = 4
_PLAIN = (str, bytes, int, float, complex, bool, type(None), torch.Tensor, torch.dtype, torch.device, type, torch.Size)
Undo = Callable[[], None]


@contextlib.contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, ``model``, its modules and parameters, and every random generator stay as they were."""
    undo = [*_keep_modules(model), *_keep_parameters(model), *_keep_generators()]
    try:
        yield
    finally:
        for step in undo:
            step()


@contextlib.contextmanager
def generators_as_they_were() -> Iterator[None]:
    """Every random generator is left as it was."""
    undo = _keep_generators()
    try:
        yield
    finally:
        for step in undo:
            step()


def _keep_modules(model: nn.Module) -> list[Undo]:
    undo: list[Undo] = []
    seen: set[int] = set()
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            undo.append(_keep_training(module))
        else:
            _keep(module.__dict__, undo, seen, _DEPTH)
    return undo


def _keep_training(module: torch.jit.ScriptModule) -> Undo:
    training = module.training
    return lambda: setattr(module, "training", training)


def _keep(value: Any, undo: list[Undo], seen: set[int], depth: int) -> None:
    """Adds how to put back a container, what is in it, and the attributes of objects in it, some levels deep."""
    if isinstance(value, _PLAIN) or id(value) in seen or not depth:
        return
    if isinstance(value, nn.Module) or callable(value):
        return
    seen.add(id(value))
    if isinstance(value, dict):
        undo.append(_keep_dict(value))
        inside = list(value.values())
    elif isinstance(value, list):
        undo.append(_keep_list(value))
        inside = value
    elif isinstance(value, set):
        undo.append(_keep_set(value))
        return
    elif isinstance(value, tuple):
        inside = list(value)
    else:
        with contextlib.suppress(TypeError):
            _keep(vars(value), undo, seen, depth)
        return
    for item in inside:
        if not isinstance(item, _PLAIN):
            _keep(item, undo, seen, depth - 1)


def _keep_dict(value: dict[Any, Any]) -> Undo:
    before = dict(value)

    def undo() -> None:
        if len(value) != len(before) or any(a is not b for a, b in zip(value.values(), before.values(), strict=True)):
            value.clear()
            value.update(before)

    return undo


def _keep_list(value: list[Any]) -> Undo:
    before = list(value)

    def undo() -> None:
        if len(value) != len(before) or any(a is not b for a, b in zip(value, before, strict=True)):
            value[:] = before

    return undo


def _keep_set(value: set[Any]) -> Undo:
    before = set(value)

    def undo() -> None:
        if value != before:
            value.clear()
            value.update(before)

    return undo


def _keep_parameters(model: nn.Module) -> list[Undo]:
    kept = [(p, p.requires_grad, p.grad) for p in model.parameters()]

    def undo() -> None:
        for parameter, requires_grad, grad in kept:
            if parameter.requires_grad != requires_grad:
                parameter.requires_grad_(requires_grad)
            if parameter.grad is not grad:
                parameter.grad = grad

    return [undo]


def _keep_generators() -> list[Undo]:
    state = torch.get_rng_state()
    python = random.getstate()
    undo: list[Undo] = [lambda: torch.set_rng_state(state), lambda: random.setstate(python)]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        cuda = torch.cuda.get_rng_state_all()
        undo.append(lambda: torch.cuda.set_rng_state_all(cuda))
    if "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        legacy = numpy.random.get_state()
        undo.append(lambda: numpy.random.set_state(legacy))
    return undo


def set_mode(model: nn.Module, training: bool | None) -> None:
    """Sets every module's flag; ``eval()`` may be overridden with more, such as merging weights. None leaves them."""
    if training is None:
        return
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            module.training = training
        else:
            module.__dict__["training"] = training
