"""Parameters and counts by module: each parameter once, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from archlab.audit.counts import Counts
from archlab.audit.findings import Module, Operator, Shared
from archlab.audit.packed_parameters import packed_parameters


@dataclass(frozen=True)
class Weights:
    """A model's parameters: sizes by memory, and which memory each module holds.

    Attributes:
        sizes: elements of each distinct parameter, by key.
        own: the keys of each module's own parameters, by path, in the order of the model.
        names: all names of each key.
        packed_bytes: the memory of those that quantized layers keep packed.
    """

    sizes: dict[Any, int]
    own: dict[str, tuple[Any, ...]]
    names: dict[Any, tuple[str, ...]]
    packed_bytes: int = 0


def weights_of(model: nn.Module) -> Weights:
    """Collect the parameters of ``model``. Two that share all their memory are one, one object or not."""
    sizes: dict[Any, int] = {}
    own: dict[str, tuple[Any, ...]] = {}
    names: dict[Any, list[str]] = {}
    packed = 0
    for path, module in model.named_modules(remove_duplicate=False):
        keys = []
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            key = _key(parameter)
            sizes[key] = parameter.numel()
            names.setdefault(key, []).append(f"{path}.{name}" if path else name)
            keys.append(key)
        for name, tensor in packed_parameters(module):
            key = id(module), name
            packed += 0 if key in sizes else tensor.numel() * tensor.element_size()
            sizes[key] = tensor.numel()
            names.setdefault(key, []).append(f"{path}.{name}" if path else name)
            keys.append(key)
        own[path] = tuple(dict.fromkeys(keys))
    return Weights(sizes, own, {key: tuple(at) for key, at in names.items()}, packed)


def _key(parameter: Tensor) -> Any:
    """Return what tells the memory of one parameter from another's."""
    try:
        storage = parameter.untyped_storage()
    except NotImplementedError:
        return id(parameter)
    if not parameter.numel() or not storage.nbytes():
        return id(parameter)
    # Transposed, the same memory is the same parameter.
    reach = sum((size - 1) * stride for size, stride in zip(parameter.shape, parameter.stride(), strict=True))
    return storage._cdata, parameter.storage_offset(), parameter.numel(), reach


def shared_of(weights: Weights) -> tuple[Shared, ...]:
    """Return the parameters that have several names, in the order of the model."""
    return tuple(Shared(at, weights.sizes[key]) for key, at in weights.names.items() if len(at) > 1)


def modules_of(
    model: nn.Module,
    weights: Weights,
    operators: Sequence[Operator],
    calls: Mapping[str, int],
) -> tuple[Module, ...]:
    """Return every module with what it and the modules in it hold and do.

    Args:
        model: the model, whose modules are listed in its own order.
        weights: its parameters.
        operators: the calls that ran in it.
        calls: how often each module was called, by path.
    """
    order = list(model.named_modules())
    work = _work_within([path for path, _ in order], operators)
    keys = _keys_within(weights, [path for path, _ in order])
    holders = _holders(weights)
    rows = []
    for path, module in order:
        counts, ran, memory = work[path]
        inside = keys[path]
        elsewhere = (key for key in inside if any(not _is_within(at, path) for at in holders.get(key, ())))
        rows.append(
            Module(
                path=path,
                kind=type(module).__name__,
                calls=calls.get(path, 0),
                params=sum(weights.sizes[key] for key in inside),
                shared=sum(weights.sizes[key] for key in elsewhere),
                own=sum(weights.sizes[key] for key in weights.own[path]),
                operators=ran,
                memory=memory,
                **counts.counts(),
            )
        )
    return tuple(rows)


def _work_within(paths: Sequence[str], operators: Iterable[Operator]) -> dict[str, tuple[Counts, int, int]]:
    """Return for each module its counts, how many operators ran in it, and the most memory that was alive then."""
    work = dict.fromkeys(paths, (Counts(), 0, 0))
    for operator in operators:
        counts, ran, memory = work[operator.module]
        work[operator.module] = counts + operator, ran + 1, max(memory, operator.live)
    for path in reversed(paths):  # a module stands before those in it
        if path:
            above = path.rpartition(".")[0]
            (counts, ran, memory), (inner, inner_ran, inner_memory) = work[above], work[path]
            work[above] = counts + inner, ran + inner_ran, max(memory, inner_memory)
    return work


def _holders(weights: Weights) -> dict[Any, tuple[str, ...]]:
    """Return where the parameters that several modules hold stand."""
    return {
        key: tuple(name.rpartition(".")[0] for name in names) for key, names in weights.names.items() if len(names) > 1
    }


def _keys_within(weights: Weights, paths: Iterable[str]) -> dict[str, set[Any]]:
    keys: dict[str, set[Any]] = {path: set() for path in paths}
    for path, own in weights.own.items():
        if own:
            for above in upwards(path):
                if above in keys:
                    keys[above].update(own)
    return keys


def _is_within(path: str, above: str) -> bool:
    return not above or path == above or path.startswith(f"{above}.")


def upwards(path: str) -> Iterable[str]:
    """Yield a path and all that it lies in, up to the model itself.

    >>> list(upwards("layer1.0"))
    ['layer1.0', 'layer1', '']
    """
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""
