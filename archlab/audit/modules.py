"""Parameters and counts by module: each parameter once, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from archlab.audit.counted import COUNTS, Module, Operator
from archlab.audit.result import Shared


@dataclass(frozen=True)
class Weights:
    """A model's parameters: sizes by memory, and which memory each module holds.

    Attributes:
        sizes: elements of each distinct parameter, by key.
        own: the keys of each module's own parameters, by path, in the order of the model.
        names: all names of each key.
    """

    sizes: dict[Any, int]
    own: dict[str, tuple[Any, ...]]
    names: dict[Any, tuple[str, ...]]


def weights_of(model: nn.Module) -> Weights:
    """The parameters of ``model``. Two that share all their memory are one, whether or not they are one object."""
    sizes: dict[Any, int] = {}
    own: dict[str, tuple[Any, ...]] = {}
    names: dict[Any, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        keys = []
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            key = _key(parameter)
            sizes[key] = parameter.numel()
            names.setdefault(key, []).append(f"{path}.{name}" if path else name)
            keys.append(key)
        own[path] = tuple(dict.fromkeys(keys))
    return Weights(sizes, own, {key: tuple(at) for key, at in names.items()})


def _key(parameter: Tensor) -> Any:
    """What tells the memory of one parameter from another's."""
    try:
        storage = parameter.untyped_storage()
    except NotImplementedError:
        return id(parameter)
    if not parameter.numel() or not storage.nbytes():
        return id(parameter)
    return storage._cdata, parameter.storage_offset(), tuple(parameter.shape), parameter.stride()


def shared_of(weights: Weights) -> tuple[Shared, ...]:
    """The parameters that have several names, in the order of the model; names of one place are put together."""
    return tuple(Shared(at, weights.sizes[key]) for key, at in weights.names.items() if len(at) > 1)


def modules_of(
    model: nn.Module,
    weights: Weights,
    operators: Sequence[Operator],
    entered: dict[str, int],
) -> tuple[Module, ...]:
    """Every module with what it and the modules in it hold and do."""
    order = list(model.named_modules())
    sums: dict[str, list[int]] = {path: [0] * (len(COUNTS) + 2) for path, _ in order}
    for operator in operators:
        values = [*(getattr(operator, name) for name in COUNTS), 1]
        for path in _upwards(operator.module):
            row = sums[path]
            for i, value in enumerate(values):
                row[i] += value
            row[-1] = max(row[-1], operator.live)
    keys = _keys_within(weights, [path for path, _ in order])
    holders = _holders(weights)
    rows = []
    for path, module in order:
        *counts, ran, memory = sums[path]
        inside = keys[path]
        rows.append(
            Module(
                path,
                type(module).__name__,
                entered.get(path, 0),
                sum(weights.sizes[key] for key in inside),
                sum(weights.sizes[key] for key in inside if any(not _within(at, path) for at in holders.get(key, ()))),
                sum(weights.sizes[key] for key in weights.own[path]),
                ran,
                **dict(zip(COUNTS, counts, strict=True)),
                memory=memory,
            )
        )
    return tuple(rows)


def _holders(weights: Weights) -> dict[Any, tuple[str, ...]]:
    """Where the parameters that several modules hold stand."""
    return {
        key: tuple(name.rpartition(".")[0] for name in names) for key, names in weights.names.items() if len(names) > 1
    }


def _keys_within(weights: Weights, paths: Iterable[str]) -> dict[str, set[Any]]:
    keys: dict[str, set[Any]] = {path: set() for path in paths}
    for path, own in weights.own.items():
        if own:
            for above in _upwards(path):
                if above in keys:
                    keys[above].update(own)
    return keys


def _within(path: str, above: str) -> bool:
    return not above or path == above or path.startswith(f"{above}.")


def _upwards(path: str) -> Iterable[str]:
    """A path and all that it lies in, up to the model itself.

    >>> list(_upwards("layer1.0"))
    ['layer1.0', 'layer1', '']
    """
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""
