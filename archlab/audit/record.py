"""What the pass writes down: the calls of operators and modules, and which memory lives while they run."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from archlab.audit.operators import Known
from archlab.audit.rule import Count

INPUT = -1
"""The index that stands for what the network is given."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operator as it ran: its sources are the indices of the calls whose outputs it takes."""

    op: str
    target: str
    module: str
    sources: tuple[int, ...]
    parameters: tuple[str, ...]
    count: Count
    counted: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """Shapes and bytes of a call's outputs: what it read and wrote, and what lived when it had run."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    read: int
    written: int
    live: int


@dataclass(slots=True)
class Block:
    """Memory that the pass allocated: its size, and the calls at which it came and went."""

    size: int
    born: int
    died: int | None = None


class _Reference(weakref.ref[Any]):
    __slots__ = ("key",)
    key: int


class Memory:
    """The memory that a pass allocates, followed by its storages: it lives as long as Python holds it."""

    def __init__(self) -> None:
        self.live = 0
        self.peak = 0
        self.peak_at = INPUT
        self.blocks: list[Block] = []
        self._alive: dict[int, tuple[_Reference, Block]] = {}
        self._ignored: dict[int, Any] = {}
        self.now = INPUT

    def ignore(self, tensor: Tensor) -> None:
        """What lies behind ``tensor`` is the model's or the caller's, and not counted."""
        storage = _storage(tensor)
        if storage is not None:
            self._ignored[storage._cdata] = storage

    def made(self, tensor: Tensor) -> bool:
        """Whether the pass itself allocated what lies behind ``tensor``."""
        storage = _storage(tensor)
        return storage is not None and storage._cdata in self._alive

    def put_out(self, tensor: Tensor, index: int) -> bool:
        """Takes note of an output of call ``index``; whether it is new memory."""
        storage = _storage(tensor)
        if storage is None:
            return True
        key = storage._cdata
        if key in self._alive or key in self._ignored:
            return False
        block = Block(storage.nbytes(), index)
        reference = _Reference(storage, self._free)
        reference.key = key
        self._alive[key] = reference, block
        self.blocks.append(block)
        self.live += block.size
        if self.live > self.peak:
            self.peak, self.peak_at = self.live, index
        return True

    def _free(self, reference: _Reference) -> None:
        _, block = self._alive.pop(reference.key)
        block.died = self.now
        self.live -= block.size


def _storage(tensor: Tensor) -> Any:
    try:
        return tensor.untyped_storage()
    except NotImplementedError:  # sparse and other layouts have none
        return None


@dataclass(slots=True)
class Recording:
    """All that a pass writes down."""

    memory: Memory = field(default_factory=Memory)
    calls: list[Call] = field(default_factory=list)
    traffic: list[Traffic] = field(default_factory=list)
    entered: dict[str, int] = field(default_factory=dict)
    failed_in: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=lambda: [""])
    _producer: dict[int, int] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The path of the module that runs."""
        return self.stack[-1]

    def give(self, tensor: Tensor) -> None:
        """Takes note of a tensor that the network is given."""
        self._producer[id(tensor)] = INPUT
        self.memory.ignore(tensor)

    def sources(self, tensors: list[Tensor]) -> tuple[int, ...]:
        """Where each of these comes from; weights and constants come from nowhere."""
        producer = self._producer
        return tuple(producer[id(t)] for t in tensors if id(t) in producer)

    def add(self, call: Call, tensors: list[Tensor], outputs: list[Tensor], known: Known) -> None:
        """Writes down a call with the tensors that it took and put out."""
        index = len(self.calls)
        self.memory.now = index
        fresh = [self.memory.put_out(t, index) for t in outputs]
        for tensor in outputs:
            self._producer[id(tensor)] = index
        written = sum(_bytes(t) for t, new in zip(outputs, fresh, strict=True) if new or known.writes)
        read = 0
        if written:
            sizes = {id(t): _bytes(t) for t in tensors}
            if known.gathers and tensors:
                sizes[id(tensors[0])] = min(sizes[id(tensors[0])], written)
            read = sum(sizes.values())
        self.calls.append(call)
        self.traffic.append(
            Traffic(
                tuple(tuple(t.shape) for t in outputs),
                str(outputs[0].dtype).removeprefix("torch.") if outputs else "",
                read,
                written,
                self.memory.live,
            )
        )


def _bytes(tensor: Tensor) -> int:
    """Bytes of the elements, or of the memory where an expanded tensor repeats it."""
    size = tensor.numel() * tensor.element_size()
    storage = _storage(tensor)
    return size if storage is None else min(size, int(storage.nbytes()))
