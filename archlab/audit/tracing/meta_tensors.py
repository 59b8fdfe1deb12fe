"""Meta twins of real tensors, and a journal of the real memory that a pass overwrites."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LAZY = (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer)
"""Parameters and buffers that have no shape before the first forward."""


class Twins:
    """Meta twins of real tensors, one storage for each of theirs, so that views stay views."""

    def __init__(self) -> None:
        self._storages: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._written: set[int] = set()

    def of(self, tensor: Tensor) -> Tensor:
        """Return the twin of ``tensor`` on the meta device: same shape, strides and type, same sharing of memory."""
        twin = torch.empty(0, dtype=tensor.dtype, device="meta")
        twin.set_(self._storage(tensor), tensor.storage_offset(), tensor.shape, tensor.stride())
        return twin

    def _storage(self, tensor: Tensor) -> torch.UntypedStorage:
        real = tensor.untyped_storage()
        if real._cdata not in self._storages:
            # The real storage is held, so that its address stays its own.
            self._storages[real._cdata] = real, torch.UntypedStorage(real.nbytes(), device="meta")  # type: ignore[no-untyped-call]
        return self._storages[real._cdata][1]

    def note_write(self, twin: Tensor) -> None:
        """Note that an operator writes to a tensor without data: real memory of which it is a twin is out of date."""
        self._written.add(twin.untyped_storage()._cdata)

    def replaces(self, tensor: Tensor) -> bool:
        """Whether later operators must take the twin of ``tensor``, since something was written to it."""
        if tensor.layout is not torch.strided:
            return False
        kept = self._storages.get(tensor.untyped_storage()._cdata)
        return kept is not None and kept[1]._cdata in self._written


class Journal:
    """Copies of real memory from before it was first written to."""

    def __init__(self) -> None:
        self._copies: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def keep(self, tensor: Tensor) -> None:
        """Copy the memory behind ``tensor`` as it is now, unless there is a copy already."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._copies:
            self._copies[storage._cdata] = storage, storage.clone()  # type: ignore[no-untyped-call]

    def restore(self) -> None:
        """Put all of it back. This happens below autograd, so that no version counter moves."""
        for storage, copy in self._copies.values():
            if storage.nbytes() != copy.nbytes():
                storage.resize_(copy.nbytes())
            storage.copy_(copy)
        self._copies.clear()


def tensors_in(values: Any, into: list[Tensor]) -> list[Tensor]:
    """Collect the tensors among an operator's arguments or outputs, in order; they nest two levels at most."""
    for value in values:
        if isinstance(value, Tensor):
            into.append(value)
        elif isinstance(value, list | tuple):
            into.extend(item for item in value if isinstance(item, Tensor))
    return into
