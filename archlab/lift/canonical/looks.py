"""What a trace shows of values, and a text cannot: casts that round, and values that the forward itself looks at."""

from __future__ import annotations

from collections.abc import Iterable

from archlab.audit.operands import Output
from archlab.lift.canonical.step import INPUT
from archlab.lift.canonical.values import Operand, Unknown, UnsayableError, Value
from archlab.lift.trace import Call, Trace

_CASTS = frozenset({"to", "_to_copy", "type_as"})
_LOOKS = frozenset({"item", "is_nonzero", "_local_scalar_dense", "equal", "allclose"})
_NUMBERS = ("float64", "float32", "float16", "bfloat16")


def check_cast(call: Call, trace: Trace) -> None:
    """Refuse a cast that changes values; one between float32 and float64, or to the type that it has, does not.

    What the input is cast to is the model's own type, and no text has one.
    """
    if call.op not in _CASTS or not call.dtype:
        return
    if call.dtype not in _NUMBERS:
        raise UnsayableError(f"it rounds to {call.dtype}")
    source = next(iter(call.arguments.values()), None)
    before = trace.calls[source.call].dtype if isinstance(source, Output) and source.call != INPUT else ""
    # Back from float64 to float32 is how a part that is computed more exactly ends.
    if before in _NUMBERS and call.dtype in _NUMBERS[2:] and before != call.dtype:
        raise UnsayableError(f"it rounds {before} to {call.dtype}")


def looks_at_values(call: Call, operands: Iterable[Operand]) -> bool:
    """Return whether the forward asks for a value that the input decides: it may then go another way for another."""
    return call.op in _LOOKS and any(isinstance(operand, Value | Unknown) for operand in operands)
