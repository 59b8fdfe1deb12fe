"""Preserve a model: what a forward pass may change about it is kept before and put back after.

Forwards store features, count their calls, fill caches, freeze weights. None of this may remain after an audit.
Values of tensors are not kept here: the tracer either never computes on them or journals what it overwrites.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

_DEPTH = 4
_PLAIN = frozenset(
    {
        str,
        bytes,
        int,
        float,
        complex,
        bool,
        type(None),
        torch.Tensor,
        nn.Parameter,
        torch.dtype,
        torch.device,
        torch.Size,
    }
)
Undo = Callable[[], None]


@contextlib.contextmanager
def preserve_model(model: nn.Module) -> Iterator[None]:
    """Keep ``model``, its modules and parameters, and every random generator as they are, whatever happens inside."""
    undo = [*_keep_modules(model), *_keep_parameters(model), *_keep_generators()]
    try:
        yield
    finally:
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


def _keep_modules(model: nn.Module) -> list[Undo]:
    kept = _Containers()
    undo: list[Undo] = [kept.restore]
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule):
            if hasattr(module, "training"):  # a frozen one has none
                undo.append(_keep_training(module))
        else:
            kept.keep(module.__dict__, _DEPTH)
            kept.keep_class(type(module))
    return undo


def _keep_training(module: torch.jit.ScriptModule) -> Undo:
    training = module.training
    return lambda: setattr(module, "training", training)


class _Containers:
    """Containers, arrays and classes with copies of what was in them, and of those in them, some levels deep."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._empty: list[Any] = []
        self._dicts: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
        self._others: list[tuple[Any, Any]] = []
        self._arrays: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        self._classes: dict[type, dict[str, Any]] = {}

    def keep(self, value: Any, depth: int) -> None:
        """Keep a container, what is in it, and the attributes of objects in it."""
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        inside: Iterable[Any] = ()
        if isinstance(value, np.ndarray):
            self._arrays.append((value, value.copy()))
        elif isinstance(value, dict | list | set | deque | bytearray):
            if not value:
                self._empty.append(value)
                return
            if isinstance(value, dict):
                self._dicts.append((value, dict(value)))
                inside = value.values()
            else:
                self._others.append((value, value.copy()))
                inside = value
        elif isinstance(value, tuple):
            inside = value
        elif (
            not isinstance(value, nn.Module | torch.Tensor | type)
            and not callable(value)
            and hasattr(value, "__dict__")
        ):
            inside = (value.__dict__,)
        if depth:
            for item in inside:
                if type(item) not in _PLAIN:
                    self.keep(item, depth - 1)

    def keep_class(self, kind: type) -> None:
        """Keep the attributes of a module's class and of those that it is derived from, below PyTorch's own."""
        for base in kind.__mro__:
            if base not in self._classes and not base.__module__.startswith(("torch.", "builtins")):
                self._classes[base] = dict(vars(base))
                for name, value in vars(base).items():
                    if not name.startswith("__"):
                        self.keep(value, 1)

    def restore(self) -> None:
        """Put back what is no longer the same."""
        for empty in self._empty:
            if empty:
                empty.clear()
        for held, before in self._dicts:
            if [*map(id, held)] != [*map(id, before)] or [*map(id, held.values())] != [*map(id, before.values())]:
                held.clear()
                held.update(before)
        for held, before in self._others:
            if isinstance(held, set):
                held.clear()
                held.update(before)
            elif isinstance(held, deque):
                held.clear()
                held.extend(before)
            else:
                held[:] = before
        for array, values in self._arrays:
            if array.flags.writeable:
                array[...] = values
        for kind, attributes in self._classes.items():
            self._restore_class(kind, attributes)

    @staticmethod
    def _restore_class(kind: type, before: dict[str, Any]) -> None:
        for name in set(vars(kind)) - set(before):
            delattr(kind, name)
        for name, value in before.items():
            if vars(kind).get(name) is not value:
                setattr(kind, name, value)


def _keep_parameters(model: nn.Module) -> list[Undo]:
    kept = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    held = [(p, p.detach()) for p in model.parameters() if type(p) is nn.Parameter and p.layout is torch.strided]

    def undo() -> None:
        for parameter, data in held:
            if (parameter.is_meta, parameter.data_ptr()) != (data.is_meta, data.data_ptr()):
                parameter.data = data
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
