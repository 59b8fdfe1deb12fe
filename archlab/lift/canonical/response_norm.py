"""Local response normalisation, which torch writes as nine operators: put back together before rules read the trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from archlab.audit.operands import Output
from archlab.lift.trace import Call

INSIDE = "inside local_response_norm"
"""What an operator is called that is part of another and says nothing by itself."""
_WINDOW = "avg_pool3d"
_VIEWS = frozenset({"view", "squeeze", "unsqueeze", "reshape"})
_AFTER = ("mul", "add", "pow", "div")


def with_response_norms(calls: Sequence[Call]) -> list[Call]:
    """Return the calls with ``local_response_norm`` in the place of the division that ends one."""
    found = list(calls)
    for window, call in enumerate(calls):
        if call.op != _WINDOW:
            continue
        first, last = _extent(calls, window)
        norm = _norm(calls[first : last + 1], first, window - first)
        if norm is not None:
            for inside in range(first, last):
                found[inside] = dataclasses.replace(calls[inside], op=INSIDE)
            found[last] = norm
    return found


def _extent(calls: Sequence[Call], window: int) -> tuple[int, int]:
    """Return where a norm around a window would begin and end: a square, views and padding; views and four more."""
    first, last = window - 2, window + 1
    while first > 0 and calls[first].op in _VIEWS:
        first -= 1
    while last < len(calls) and calls[last].op in _VIEWS:
        last += 1
    return max(first, 0), last + len(_AFTER) - 1


def _norm(part: Sequence[Call], first: int, window: int) -> Call | None:
    """Return the norm that these calls are; None where they are something else."""
    square, divided, padded = part[0], part[-1], part[window - 1]
    plain = tuple(call.op for call in part[-len(_AFTER) :]) == _AFTER and square.op == "mul"
    if not plain or padded.op not in ("pad", "constant_pad_nd"):
        return None
    x = square.arguments["self"]
    *chain, end = (call.arguments.get("other" if call is divided else "self") for call in part[1:])
    in_a_row = [*chain, end] == [Output(first + i) for i in range(len(part) - 1)]
    size = _channels_of(part[window])
    sides = padded.arguments["pad"]
    if not in_a_row or not size or sides != (0, 0, 0, 0, size // 2, (size - 1) // 2):
        return None
    if square.arguments["other"] != x or divided.arguments["self"] != x:
        return None
    scaled, moved, raised = part[-4:-1]
    settings = {
        "size": size,
        "alpha": scaled.arguments["other"],
        "beta": raised.arguments["exponent"],
        "k": moved.arguments["other"],
    }
    return dataclasses.replace(divided, op="local_response_norm", arguments={"self": x, **settings})


def _channels_of(window: Call) -> int:
    """Return over how many channels a window goes; 0 where it does more than that."""
    kernel, stride = window.arguments["kernel_size"], window.arguments["stride"]
    plain = isinstance(kernel, tuple) and kernel[1:] == (1, 1) and stride == (1, 1, 1)
    return int(kernel[0]) if plain and isinstance(kernel, tuple) and isinstance(kernel[0], int) else 0
