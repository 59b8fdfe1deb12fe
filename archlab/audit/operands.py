"""What an operator was called with, as plain data: numbers and texts, and references in the place of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from archlab.ir import Shape

PLAIN = (bool, int, float, str, complex)
"""Arguments that are kept as they are."""


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor that the pass gave: output ``index`` of call ``call``; of call -1, one of the network's inputs."""

    call: int
    index: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A parameter or buffer of the model, by its name in the state dict."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that no operator of the pass gave, and that the model does not hold."""

    shape: Shape


Argument: TypeAlias = Union[Output, Held, Constant, bool, int, float, complex, str, "tuple[Argument, ...]", None]
"""An argument of an operator; devices, types and the like are texts."""

Signature = tuple[tuple[str, Any], ...]
"""The names and defaults of an operator's arguments, in order."""


def named(signature: Signature, given: Sequence[Argument]) -> dict[str, Argument]:
    """Return arguments by name, those that were left out with their defaults.

    >>> named((("self", None), ("dim", 1)), [Output(0)])
    {'self': Output(call=0, index=0), 'dim': 1}
    """
    if not signature:  # an operator that takes functions has no schema
        return {str(i): value for i, value in enumerate(given)}
    return {n: given[i] if i < len(given) else _default(d) for i, (n, d) in enumerate(signature)}


def _default(value: Any) -> Argument:
    if value is None or isinstance(value, PLAIN):
        return value
    return tuple(map(_default, value)) if isinstance(value, list | tuple) else str(value)
