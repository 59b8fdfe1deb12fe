"""Keepers of state: each remembers what one object was, puts it back, and tells whether it is as it was.

A keeper is made before a forward and asked after it. What has none of these forms, such as a socket, has no keeper.
"""

from __future__ import annotations

import array
import types
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

MISSING = object()
Slot = types.MemberDescriptorType


class Keeper(Protocol):
    """What an object was."""

    def restore(self) -> bool:
        """Put back what is no longer the same, where that is possible; return whether anything was not."""
        ...

    def is_restored(self) -> bool:
        """Return whether the object is as it was."""
        ...


@dataclass(slots=True)
class KeptDict:
    """A dictionary: its keys in their order, and its values."""

    held: dict[Any, Any]
    before: dict[Any, Any]

    def restore(self) -> bool:
        if self.is_restored():
            return False
        self.held.clear()
        self.held.update(self.before)
        return True

    def is_restored(self) -> bool:
        held, before = self.held, self.before
        return [*map(id, held)] == [*map(id, before)] and [*map(id, held.values())] == [*map(id, before.values())]


@dataclass(slots=True)
class KeptItems:
    """A list, deque, set, bytearray or array of the standard library."""

    held: Any
    before: Any

    def restore(self) -> bool:
        if self.is_restored():
            return False
        if isinstance(self.held, set):
            self.held.clear()
            self.held.update(self.before)
        elif isinstance(self.held, deque):
            self.held.clear()
            self.held.extend(self.before)
        else:
            self.held[:] = self.before
        return True

    def is_restored(self) -> bool:
        if isinstance(self.held, bytearray | array.array):
            return bool(self.held == self.before)
        return {*map(id, self.held)} == {*map(id, self.before)} and (
            isinstance(self.held, set) or [*map(id, self.held)] == [*map(id, self.before)]
        )


@dataclass(slots=True)
class KeptArray:
    """The numbers of a numpy array, and its form."""

    held: np.ndarray[Any, Any]
    before: np.ndarray[Any, Any]

    def restore(self) -> bool:
        if self.is_restored():
            return False
        if self.held.shape != self.before.shape and self.held.size == self.before.size:
            self.held.shape = self.before.shape
        if self.held.flags.writeable:
            self.held[...] = self.before
        return True

    def is_restored(self) -> bool:
        held, before = self.held, self.before
        if held.shape != before.shape or held.dtype != before.dtype:
            return False
        return held.dtype.hasobject or held.tobytes() == before.tobytes()


@dataclass(slots=True)
class KeptSlots:
    """The attributes of an object that its classes hold in slots; frozen ones too."""

    held: Any
    before: tuple[tuple[Slot, Any], ...]

    def restore(self) -> bool:
        if self.is_restored():
            return False
        for slot, value in self.before:
            now = in_slot(slot, self.held)
            if now is value:
                continue
            if value is MISSING:
                slot.__delete__(self.held)
            else:
                slot.__set__(self.held, value)
        return True

    def is_restored(self) -> bool:
        return all(in_slot(slot, self.held) is value for slot, value in self.before)


@dataclass(slots=True)
class KeptTensor:
    """Where a tensor's numbers are, its form, its flag and its gradient; the numbers themselves a pass journals."""

    held: Tensor
    data: Tensor
    requires_grad: bool
    grad: Tensor | None
    hooks: Any

    def restore(self) -> bool:
        held = self.held
        if self.is_restored():
            return False
        if not _same_form(held, self.data):
            held.data = self.data
        if held.requires_grad != self.requires_grad:
            held.requires_grad_(self.requires_grad)
        if held.is_leaf:
            held.grad = self.grad
        held._backward_hooks = self.hooks
        return True

    def is_restored(self) -> bool:
        held = self.held
        return (
            held.requires_grad == self.requires_grad
            and (not held.is_leaf or held.grad is self.grad)
            and held._backward_hooks is self.hooks
            and _same_form(held, self.data)
        )


@dataclass(slots=True)
class KeptAttributes:
    """Attributes that are read and set by name: those of a class, or of a scripted module."""

    read: Callable[[], dict[str, Any]]
    set: Callable[[str, Any], None]
    delete: Callable[[str], None]
    before: dict[str, Any]

    def restore(self) -> bool:
        if self.is_restored():
            return False
        now = self.read()
        for name in now.keys() - self.before.keys():
            self.delete(name)
        for name, value in self.before.items():
            if not _same(now.get(name, MISSING), value):
                self.set(name, value)
        return True

    def is_restored(self) -> bool:
        now = self.read()
        return now.keys() == self.before.keys() and all(_same(now[name], self.before[name]) for name in now)


@dataclass(slots=True)
class KeptReading:
    """A state that one function reads and another, where there is one, sets."""

    read: Callable[[], Any]
    write: Callable[[Any], object] | None
    before: Any

    def restore(self) -> bool:
        if self.is_restored():
            return False
        if self.write is not None:
            self.write(self.before)
        return True

    def is_restored(self) -> bool:
        return _equal(self.read(), self.before)


def _same_form(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors are in the same memory, and read it alike."""
    return (
        a.is_meta == b.is_meta
        and (a.is_meta or a.data_ptr() == b.data_ptr())
        and a.shape == b.shape
        and a.stride() == b.stride()
        and a.dtype == b.dtype
    )


def in_slot(slot: Slot, value: Any) -> Any:
    try:
        return slot.__get__(value, type(value))
    except AttributeError:
        return MISSING


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _same_form(a, b)
    return type(a) is type(b) and isinstance(a, str | int | float | bytes | list | tuple | dict) and _equal(a, b)


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return torch.equal(a, b)
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            return bool(np.array_equal(a, b))
        if isinstance(a, tuple | list) and isinstance(b, tuple | list):
            return len(a) == len(b) and all(map(_equal, a, b))
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
        return bool(a == b)
    except Exception:  # objects that refuse to be compared are not the same
        return False
