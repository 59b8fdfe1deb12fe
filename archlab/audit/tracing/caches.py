"""Caches outside of a model, such as ``functools.lru_cache`` around a function that makes masks.

A pass over tensors without data would leave some in them, and a later forward for real would take these. Looked for
are caches among what stands in the files of the model's classes, and in the classes themselves.
"""

from __future__ import annotations

import functools
import gc
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

_CACHE = type(functools.lru_cache(len))
_NOT_USERS = sys.stdlib_module_names | {"torch", "numpy", "builtins"}


class Caches:
    """The caches that a forward of a model may fill, as they are now."""

    def __init__(self, model: nn.Module) -> None:
        self._sizes: list[tuple[Any, int]] = []
        self._containers: list[tuple[Any, Any]] = []
        for space in _spaces(model):
            for name, value in list(space.items()):
                if isinstance(value, _CACHE):
                    self._sizes.append((value, value.cache_info().misses))
                elif type(value) in (dict, list, set, deque) and not name.startswith("__"):
                    self._containers.append((value, value.copy()))

    def forget(self) -> None:
        """Put back containers that got tensors, and empty the caches of functions that did."""
        for cache, misses in self._sizes:
            if cache.cache_info().misses != misses and _has_tensors(cache):
                cache.cache_clear()
        for held, before in self._containers:
            if len(held) != len(before) or [*map(id, _values(held))] != [*map(id, _values(before))]:
                _put_back(held, before)


def _spaces(model: nn.Module) -> Iterator[dict[str, Any]]:
    """Yield the names of the files in which the model's classes stand, and of the classes."""
    files: set[str] = set()
    for kind in {base for module in model.modules() for base in type(module).__mro__}:
        if kind.__module__.partition(".")[0] not in _NOT_USERS:
            files.add(kind.__module__)
            yield dict(vars(kind))
    for name in sorted(files):
        file = sys.modules.get(name)
        if file is not None:
            yield vars(file)


def _put_back(held: Any, before: Any) -> None:
    """Take out of a container what has tensors and was not there before; other entries stay, such as registrations."""
    if isinstance(held, dict):
        for key in [key for key, value in held.items() if before.get(key) is not value and _holds_tensor(value)]:
            if key in before:
                held[key] = before[key]
            else:
                del held[key]
    elif any(map(_holds_tensor, held)):
        held.clear()
        (held.update if isinstance(held, set) else held.extend)(before)


def _values(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _holds_tensor(value: Any, depth: int = 3) -> bool:
    if isinstance(value, Tensor):
        return True
    if depth and isinstance(value, dict | list | tuple | set):
        return any(_holds_tensor(item, depth - 1) for item in _values(value))
    return bool(depth and hasattr(value, "__dict__") and not isinstance(value, type | types.ModuleType)
                and any(_holds_tensor(item, depth - 1) for item in vars(value).values()))  # fmt: skip


def _has_tensors(cache: Any) -> bool:
    """Return whether a function's cache holds a tensor: only the garbage collector knows what is in it."""
    return any(map(_holds_tensor, gc.get_referents(cache)))
