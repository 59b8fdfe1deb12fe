"""Inputs are copied before a forward sees them, whatever they are: what it does to a copy, the caller never sees."""

from __future__ import annotations

import collections
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archlab.errors import AuditError

_ATOMS = (str, bytes, int, float, complex, bool, type(None))


def copy_inputs(
    args: Sequence[Any], kwargs: Mapping[str, Any], prepare: Callable[[Tensor], Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any], tuple[tuple[str, Tensor], ...]]:
    """Return a model's arguments with ``prepare`` applied to each tensor in them, and these tensors with their paths.

    Containers are built again; other objects, such as dataclasses, batches and caches, are copied deeply. Modules stay
    the caller's: a model's own state is preserved by other means.

    Raises:
        AuditError: an argument cannot be copied, so that nobody could say whether the forward changes it.
    """
    given = (tuple(args), dict(kwargs))
    found: list[tuple[str, Tensor]] = []
    made: dict[int, Any] = {}
    held: list[Any] = []
    for key, leaf in (*named_leaves(given[0]), *named_leaves(given[1])):
        for name, value in _tensors_and_modules(leaf, key):
            held.append(value)  # deepcopy knows objects by their identity, so they live as long as it runs
            if isinstance(value, nn.Module):
                made[id(value)] = value
            elif id(value) not in made:
                made[id(value)] = _alias(value, prepare(value))
                found.append((name, made[id(value)]))

    def copied(leaf: Any) -> Any:
        if id(leaf) in made:
            return made[id(leaf)]
        if isinstance(leaf, _ATOMS):
            return leaf
        try:
            return copy.deepcopy(leaf, made)
        except Exception as error:  # anybody's object
            kind = type(leaf).__name__
            words = f"{type(error).__name__}: {error}".splitlines()[0][:160]
            raise AuditError(
                f"an input of type {kind} cannot be copied, and the forward might change it: {words}",
                hint=f"give the model what it takes from the {kind}, or a {kind} that copy.deepcopy can copy",
            ) from error

    new_args, new_kwargs = pytree.tree_map(copied, given)
    return new_args, new_kwargs, tuple(found)


def named_leaves(value: Any) -> list[tuple[str, Any]]:
    """Return what is in nested containers, with its path; by number where a library's container has no names."""
    try:
        return [(pytree.keystr(path), leaf) for path, leaf in pytree.tree_leaves_with_path(value)]
    except ValueError:
        return [(f"[{number}]", leaf) for number, leaf in enumerate(pytree.tree_leaves(value))]


def _alias(given: Tensor, prepared: Tensor) -> Tensor:
    """Return a tensor of its own where ``prepared`` is the caller's: its shape, flags and attributes are then not his.

    The memory stays his; what is written to it is put back. A parameter stays itself, by which it is known.
    """
    if prepared is not given or isinstance(given, nn.Parameter):
        return prepared
    alias = given.detach()
    alias.requires_grad_(given.requires_grad)
    vars(alias).update(vars(given))
    return alias


def _tensors_and_modules(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the tensors and modules in a value, with their paths, through objects of any kind."""
    seen: set[int] = set()
    waiting: collections.deque[tuple[str, Any]] = collections.deque([(path, value)])
    while waiting:
        where, item = waiting.popleft()
        if isinstance(item, Tensor | nn.Module):
            yield where, item
            continue
        if isinstance(item, (*_ATOMS, type, np.ndarray)) or callable(item) or id(item) in seen:
            continue
        seen.add(id(item))
        waiting.extend(_parts(where, item))


def _parts(path: str, item: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(item, Mapping):
        yield from ((f"{path}[{key!r}]", value) for key, value in item.items())
    elif isinstance(item, list | tuple | set | frozenset | collections.deque):
        yield from ((f"{path}[{i}]", value) for i, value in enumerate(item))
    if hasattr(item, "__dict__"):
        yield from ((f"{path}.{name}", value) for name, value in vars(item).items())
    for kind in type(item).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(item, name):
                yield f"{path}.{name}", getattr(item, name)
