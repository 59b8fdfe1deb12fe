"""Which keeper an object has, by its kind: containers, arrays, tensors, slots, and whatever tells its state."""

from __future__ import annotations

import array
import io
import random
import types
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archlab.audit.tracing.keepers import (
    MISSING,
    Keeper,
    KeptArray,
    KeptDict,
    KeptItems,
    KeptReading,
    KeptSlots,
    KeptTensor,
    Slot,
    in_slot,
)


def keeper_of(value: Any) -> Keeper | None:
    """Return the keeper of an object of a kind that has a state of its own; None for any other."""
    if isinstance(value, dict):
        return KeptDict(value, dict(value))
    if isinstance(value, list | set | deque | bytearray | array.array):
        return KeptItems(value, value[:] if isinstance(value, array.array) else value.copy())
    if isinstance(value, np.ndarray):
        return KeptArray(value, value.copy())
    if isinstance(value, Tensor):
        return keeper_of_tensor(value)
    if isinstance(value, types.CellType):
        return KeptReading(lambda: _content(value), lambda before: _fill(value, before), _content(value))
    return _keeper_of_state(value)


def _keeper_of_state(value: Any) -> Keeper | None:
    """Return the keeper of a generator of random numbers, a file or an iterator."""
    read: Callable[[], Any]
    write: Callable[[Any], object] | None
    if isinstance(value, random.Random):
        read, write = value.getstate, value.setstate
    elif isinstance(value, torch.Generator | np.random.RandomState):
        read, write = value.get_state, value.set_state
    elif isinstance(value, np.random.Generator):
        bits = value.bit_generator
        read, write = (lambda: bits.state), (lambda state: setattr(bits, "state", state))
    elif isinstance(value, io.BytesIO | io.StringIO):
        read, write = (lambda: (value.getvalue(), value.tell())), (lambda state: _rewind(value, *state))
    elif isinstance(value, io.IOBase):
        read, write = value.tell, value.seek
    elif isinstance(value, types.GeneratorType | types.CoroutineType):
        read, write = (lambda: _progress(value)), None
    elif isinstance(value, Iterator) and type(value).__module__ in ("builtins", "itertools"):
        read, write = (lambda: _reduced(value)), None
    else:
        return None
    return KeptReading(read, write, read())


def keeper_of_tensor(tensor: Tensor) -> Keeper | None:
    """Return the keeper of a plain tensor; None for one in another layout, or that wraps others."""
    if tensor.layout is not torch.strided or type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return None
    grad = tensor.grad if tensor.is_leaf else None
    return KeptTensor(tensor, tensor.detach(), tensor.requires_grad, grad, tensor._backward_hooks)


def slots_of(value: Any) -> KeptSlots | None:
    """Return the keeper of an object's slots; None where its classes have none."""
    slots = [slot for kind in type(value).__mro__ if "__slots__" in vars(kind) for slot in _slots_in(kind)]
    return KeptSlots(value, tuple((slot, in_slot(slot, value)) for slot in slots)) if slots else None


def values_in(keeper: KeptSlots) -> Iterable[Any]:
    """Return what the slots held."""
    return (value for _, value in keeper.before if value is not MISSING)


def checksum(tensor: Tensor) -> int:
    """Return a number that changes with a tensor's numbers."""
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return zlib.crc32(flat.view(torch.uint8).numpy().data) if flat.numel() else 0


def _slots_in(kind: type) -> Iterable[Slot]:
    return (slot for slot in vars(kind).values() if isinstance(slot, Slot) and slot.__name__ != "__weakref__")


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return MISSING


def _fill(cell: types.CellType, content: Any) -> None:
    if content is MISSING:
        del cell.cell_contents
    else:
        cell.cell_contents = content


def _rewind(file: Any, content: Any, place: int) -> None:
    file.seek(0)
    file.truncate()
    file.write(content)
    file.seek(place)


def _progress(generator: Any) -> Any:
    frame = getattr(generator, "gi_frame", None) or getattr(generator, "cr_frame", None)
    return None if frame is None else (frame.f_lasti, {name: id(value) for name, value in frame.f_locals.items()})


def _reduced(iterator: Iterator[Any]) -> Any:
    """Return how far an iterator of the standard library is, as pickling would say it."""
    try:
        return repr(iterator.__reduce__()[1:])[:10_000]
    except Exception:  # it does not say
        return None
