"""Expressions to values: arithmetic, comparisons and the functions of the language."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from archlab.elaborate.language import IDENTITIES, Callee
from archlab.elaborate.scope import Bound, Layer, Stored, Wide, WideFloat, round_to_divisor
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast
from archlab.ir import show_shape

MAX_VALUE = 2**31 - 1

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
}
_JOINS = {"+": "add", "*": "mul"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def describe(value: Bound) -> str:
    """Return a value in the words of an error message."""
    if isinstance(value, Layer):
        return f"the layer {value}"
    if isinstance(value, Stored):
        return f"the value {value}"
    if isinstance(value, tuple):
        return f"the size {show_shape(value)}"
    return f"the number {value}" if isinstance(value, int | float) else repr(value)


def number(value: Bound, what: str) -> int | float:
    """``value`` as a number.

    Raises:
        ElaborationError: it is a layer, a size or a word.
    """
    if isinstance(value, int | float):
        return value
    raise ElaborationError(f"{what} must be a number, not {describe(value)}")


def tidy(value: float, wide: bool) -> int | float:
    """Return a number as the language keeps it: whole where it can be, and marked where it counts scaled channels.

    Raises:
        LimitError: it is too large.
    """
    if not -MAX_VALUE <= value <= MAX_VALUE:
        raise LimitError(f"a number is larger than {MAX_VALUE}")
    if value == int(value):
        return Wide(value) if wide else int(value)
    return WideFloat(value) if wide else float(value)


def calculate(op: str, left: Bound, right: Bound) -> int | float:
    """``left op right``; scaled channels in it make the result scaled."""
    if op in _JOINS and isinstance(left, Layer) and isinstance(right, Layer):
        raise ElaborationError(f"{op} takes numbers, not layers", hint=f"write {_JOINS[op]}(…, …)")
    a, b = number(left, f"the left of {op}"), number(right, f"the right of {op}")
    if op in ("/", "//") and b == 0:
        raise ElaborationError(f"{a} is divided by zero")
    return tidy(_ARITHMETIC[op](a, b), is_wide(left) or is_wide(right))


def negative(value: Bound) -> int | float:
    """``-value``."""
    return tidy(-number(value, "the right of -"), is_wide(value))


def is_wide(value: Bound) -> bool:
    """Return whether the width multiplier has been applied to a number."""
    return isinstance(value, Wide | WideFloat)


def compare(op: str, left: Bound, right: Bound) -> bool:
    """``left op right``: numbers by value; layers and sizes by identity, with == and != only."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _COMPARISONS[op](left, right)
    if op not in ("==", "!="):
        raise ElaborationError(f"{op} compares numbers, not {describe(left)} and {describe(right)}")
    return (left == right) == (op == "==")


def call_function(name: str, args: list[Bound]) -> Bound:
    """Call a function of the language on its arguments.

    ``min`` and ``max``; ``round_to(x, d)``, the nearest multiple of d, never below 90 % of x; ``size(h, w)``;
    ``fixed(x)``, channels that the width multiplier leaves alone.
    """
    numbers = [number(arg, "every argument") for arg in args]
    wide = any(map(is_wide, args))
    if name == "size":
        if any(n != int(n) or n < 0 for n in numbers):
            raise ElaborationError(f"its sides must be whole numbers, not {' and '.join(map(str, numbers))}")
        return tuple(int(n) for n in numbers)
    if name == "fixed":
        return tidy(numbers[0], wide=True)
    if name == "round_to":
        value, divisor = numbers
        if divisor < 1 or divisor != int(divisor):
            raise ElaborationError(f"its divisor must be a whole number of at least 1, not {divisor}")
        return tidy(round_to_divisor(value, int(divisor)), wide)
    return tidy(min(numbers) if name == "min" else max(numbers), wide)


def operator_arguments(callee: Callee, given: Mapping[str, Bound]) -> dict[str, Any]:
    """Return the arguments of an operator as its row takes them: numbers, sizes and words.

    Raises:
        ElaborationError: one is a layer.
    """
    args: dict[str, Any] = dict(given)
    for name, value in given.items():
        if not isinstance(value, Layer | Stored):
            continue
        # A word of a row may be a layer's name as well: gelu(approximate=tanh).
        expr = value.expr if isinstance(value, Layer) else None
        if callee.params[name] not in IDENTITIES or not isinstance(expr, ast.Name):
            raise ElaborationError(f"{name} must be a number, not {describe(value)}")
        args[name] = expr.name
    return args


def whole_channels(value: int | float, width: float, divisor: int) -> Wide:
    """Return a number of channels: scaled by ``width`` unless it has been, and rounded to a whole one.

    Raises:
        ElaborationError: it is not positive.
    """
    if value <= 0:
        raise ElaborationError(f"c must be a positive number of channels, not {value}")
    if width != 1 and not is_wide(value):
        return Wide(round_to_divisor(value * width, divisor))
    return Wide(max(1, math.floor(value + 0.5)))
