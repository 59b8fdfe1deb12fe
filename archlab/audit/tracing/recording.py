"""What the pass writes down: the calls of operators and modules, and which memory lives while they run."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.nn.parameter import is_lazy

from archlab.audit.counts import Counts
from archlab.audit.operands import PLAIN, Argument, Constant, Held, Output
from archlab.audit.rules.lookup import KnownOperator
from archlab.audit.rules.settings import Settings
from archlab.ir import Shape

OTHER_THREADS = "Something ran in other threads: operators there are not seen, and not in the counts."

INPUT = -1
"""The index that stands for what the network is given."""


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """One operator as it ran.

    Attributes:
        known: the operator.
        module: the path of the module that called it.
        sources: the indices of the calls whose outputs it took.
        arguments: what it was called with, by position; ``known.arguments`` has their names, and the rest's defaults.
        parameters: the names of the parameters that it read.
        counts: its arithmetic, and the bytes that it read and wrote.
        takes: the shapes of the tensors that it took.
        settings: its kernel, stride and so on, by name; those that it has.
        shapes: the shapes of its outputs.
        dtype: the type of its first output.
        live: bytes of activations that were alive when it had run.
    """

    known: KnownOperator
    module: str
    sources: tuple[int, ...]
    arguments: tuple[Argument, ...]
    parameters: tuple[str, ...]
    counts: Counts
    takes: tuple[Shape, ...]
    settings: Settings
    shapes: tuple[Shape, ...]
    dtype: str
    live: int


@dataclass(slots=True)
class Allocation:
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
        self.allocations: list[Allocation] = []
        self._alive: dict[int, tuple[_Reference, Allocation]] = {}
        self._ignored: dict[int, Any] = {}
        self.now = INPUT

    def ignore(self, tensor: Tensor) -> None:
        """Leave the memory behind ``tensor`` out of the count: it is the model's or the caller's."""
        storage = _storage(tensor)
        if storage is not None:
            self._ignored[storage._cdata] = storage

    def is_strange(self, tensor: Tensor) -> bool:
        """Whether the memory behind ``tensor`` is neither the pass's own nor any that it was told of."""
        storage = _storage(tensor)
        return storage is not None and storage._cdata not in self._alive and storage._cdata not in self._ignored

    def has_allocated(self, tensor: Tensor) -> bool:
        """Whether the pass itself allocated the memory behind ``tensor``."""
        storage = _storage(tensor)
        return storage is not None and storage._cdata in self._alive

    def add_output(self, tensor: Tensor, index: int) -> bool:
        """Follow the memory behind an output of call ``index``; return whether it is new."""
        storage = _storage(tensor)
        if storage is None:
            return True
        key = storage._cdata
        if key in self._alive or key in self._ignored:
            return False
        allocation = Allocation(storage.nbytes(), index)
        reference = _Reference(storage, self._free)
        reference.key = key
        self._alive[key] = reference, allocation
        self.allocations.append(allocation)
        self.live += allocation.size
        if self.live > self.peak:
            self.peak, self.peak_at = self.live, index
        return True

    def _free(self, reference: _Reference) -> None:
        _, allocation = self._alive.pop(reference.key)
        allocation.died = self.now
        self.live -= allocation.size


def _storage(tensor: Tensor) -> Any:
    """Return the memory behind a tensor; of one that is divided among processes, behind this one's part."""
    if type(tensor).__name__ == "DTensor":
        tensor = tensor._local_tensor  # type: ignore[attr-defined]
    try:
        return tensor.untyped_storage()
    except NotImplementedError:  # sparse and other layouts have none
        return None


@dataclass(slots=True)
class Recording:
    """All that a pass writes down.

    Attributes:
        memory: the memory that it allocates.
        calls: the operators in the order of running.
        module_calls: how often each module was called, by path.
        failed_in: the paths of the modules that raised, innermost first.
        notes: what else a reader should know, each once.
        held: the names of the model's parameters and buffers, by the identity of the tensors.
        outputs: the tensors that the forward returned, with their paths in what it returned.
    """

    memory: Memory = field(default_factory=Memory)
    calls: list[OperatorCall] = field(default_factory=list)
    module_calls: dict[str, int] = field(default_factory=dict)
    failed_in: list[str] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    held: dict[int, str] = field(default_factory=dict)
    outputs: tuple[tuple[str, Argument], ...] = ()
    _producer: dict[int, tuple[weakref.ref[Tensor], Output]] = field(default_factory=dict)
    _given: int = 0
    _stack: list[str] = field(default_factory=lambda: [""])
    _others: dict[int, list[str]] = field(default_factory=dict)

    @property
    def stack(self) -> list[str]:
        """The paths of the modules that run now in this thread, innermost last."""
        return self._others.get(threading.get_ident(), self._stack) if self._others else self._stack

    def enter_thread(self, path: str) -> bool:
        """Begin to follow this thread, in the module of a path; return whether that is new."""
        if threading.get_ident() in self._others:
            return False
        self._others[threading.get_ident()] = [path]
        return True

    def leave_thread(self) -> None:
        """End following this thread."""
        del self._others[threading.get_ident()]

    def follows_thread(self) -> bool:
        """Return whether this is another thread that is followed."""
        return threading.get_ident() in self._others

    def aside(self) -> Recording:
        """Return a recording for what is tried out in this one's place."""
        return Recording(_stack=self._stack, held=self.held)

    def note(self, words: str) -> None:
        """Add a note that is not there yet."""
        self.notes.setdefault(words)

    def add_input(self, tensor: Tensor) -> None:
        """Remember a tensor that the network is given."""
        self._producer[id(tensor)] = weakref.ref(tensor), Output(INPUT, self._given)
        self._given += 1
        self.memory.ignore(tensor)

    def sources(self, tensors: list[Tensor]) -> tuple[int, ...]:
        """Return where each of these comes from; weights and constants come from nowhere."""
        made = (self._origin(tensor) for tensor in tensors)
        return tuple(origin.call for origin in made if origin is not None)

    def _origin(self, tensor: Tensor) -> Output | None:
        made = self._producer.get(id(tensor))
        # A new tensor may have the identity of one that is gone.
        return made[1] if made is not None and made[0]() is tensor else None

    def argument(self, value: Any) -> Argument:
        """Return an argument of an operator as plain data, which keeps no tensor alive."""
        if value is None or isinstance(value, PLAIN):
            return value
        if isinstance(value, Tensor):
            origin = self._origin(value)
            if origin is not None:
                return origin
            name = self.held.get(id(value))
            return Held(name) if name is not None else Constant(() if is_lazy(value) else tuple(value.shape))
        if isinstance(value, tuple | list):
            return tuple(map(self.argument, value))
        return str(value)

    def add_call(
        self,
        known: KnownOperator,
        arithmetic: Counts,
        sources: tuple[int, ...],
        parameters: Sequence[str],
        settings: Settings,
        arguments: tuple[Argument, ...],
        tensors: list[Tensor],
        outputs: list[Tensor],
    ) -> None:
        """Write down a call of an operator in the module that runs now.

        Args:
            known: the operator.
            arithmetic: what its rule counts: no bytes.
            sources: where its inputs come from.
            parameters: the names of the parameters that it reads.
            settings: its kernel, stride and so on.
            arguments: what it was called with, made before it ran: in place it gives a tensor that it takes.
            tensors: all tensors that it took.
            outputs: the tensors that it put out.
        """
        index = len(self.calls)
        self.memory.now = index
        fresh = [self.memory.add_output(t, index) for t in outputs]
        for number, tensor in enumerate(outputs):
            self._producer[id(tensor)] = weakref.ref(tensor), Output(index, number)
        written = sum(_bytes(t) for t, new in zip(outputs, fresh, strict=True) if new or known.writes)
        read = _bytes_read(known, tensors, written) if written else 0
        self.calls.append(
            OperatorCall(
                known,
                self.stack[-1],
                sources,
                arguments,
                tuple(parameters),
                arithmetic + Counts(read=read, written=written),
                tuple(() if is_lazy(t) else tuple(t.shape) for t in tensors),
                settings,
                tuple(tuple(t.shape) for t in outputs),
                str(outputs[0].dtype).removeprefix("torch.") if outputs else "",
                self.memory.live,
            )
        )


def _bytes_read(known: KnownOperator, tensors: list[Tensor], written: int) -> int:
    """Each tensor is read once; of one that is gathered from, as much as is put out."""
    sizes = {id(t): _bytes(t) for t in tensors}
    if known.gathers and tensors:
        sizes[id(tensors[0])] = min(sizes[id(tensors[0])], written)
    return sum(sizes.values())


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of the elements, or of the memory where an expanded tensor repeats it."""
    size = tensor.numel() * tensor.element_size()
    storage = _storage(tensor)
    return size if storage is None else min(size, int(storage.nbytes()))
