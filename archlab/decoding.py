"""JSON data as a value of a dataclass: each field of its type, or the first that is not, by its place."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, get_args, get_origin, get_type_hints

LARGEST = 2**63 - 1
"""JSON's whole numbers have no end; what is computed with them has."""


class MisfitError(Exception):
    """A value is not of the type that it should be; the message names its place."""


def decode(kind: Any, data: Any, where: str) -> Any:
    """Return ``data`` as a value of type ``kind``.

    Args:
        kind: a dataclass, of fields that are texts, numbers, truth values, None, ``Any``, ``Literal``, unions, tuples
            of one type, mappings from texts, and dataclasses.
        where: what the data is called in messages.

    Raises:
        MisfitError: a value has another type, a part is missing or unknown, or a number is too large.
    """
    if kind is Any:
        return data
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_fields(kind, data, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(data, list):
        return tuple(decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if origin is dict and isinstance(data, dict):
        return {key: decode(args[1], value, f"{where}.{key}") for key, value in data.items()}
    if origin is Literal and data in args:
        return data
    if args and origin not in (tuple, dict, Literal):
        for option in args:
            try:
                return decode(option, data, where)
            except MisfitError:
                continue
    if _is_of(kind, data):
        return data
    raise MisfitError(f"{where} holds {repr(data)[:40]}")


def _decode_fields(kind: type, data: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(data, dict):
        raise MisfitError(f"{where} holds {repr(data)[:40]}, not an object")
    unknown = next((key for key in data if key not in hints), None)
    if unknown is not None:
        raise MisfitError(f"{where} has no part {unknown[:40]!r}")
    values = {name: decode(hints[name], value, f"{where}.{name}") for name, value in data.items()}
    try:
        return kind(**values)
    except TypeError:
        lacking = next(name for name in hints if name not in values)
        raise MisfitError(f"{where} lacks its part {lacking!r}") from None


def _is_of(kind: Any, data: Any) -> bool:
    """Return whether ``data`` is of the simple type ``kind``; a whole number is a float too, true is no number."""
    if kind is type(None):
        return data is None
    if isinstance(data, bool) or kind is bool:
        return kind is bool and isinstance(data, bool)
    if kind in (int, float) and isinstance(data, int):
        return -LARGEST <= data <= LARGEST
    if kind is float:
        return isinstance(data, float) and math.isfinite(data)
    return isinstance(kind, type) and isinstance(data, kind)
