"""Valid files made invalid, from a seeded generator: the same on every run."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, -(2**70), 10**400, 0.5, -1e308, float("nan"), float("inf"), "", "x", "\x00",
    "\x1b[31m", "\ud800", "\u202e", "a" * 300, "../..", "1e999", [], {}, [[]], {"": None}, [None] * 70,
)  # fmt: skip
"""What may stand where something else should."""
PIECES = (b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b'"', b"'", b"{", b"[", b"]}", b",", b"\\ud800", b"9" * 5000,
          b"NaN", b"1e999", b"\x1b[2J", b"[" * 70, b"[" * 100_000, b"\n" * 50, b"a." * 80, b"=",
          b"-", b"(")  # fmt: skip


def mutated_bytes(valid: bytes, rng: random.Random) -> bytes:
    """Flip a bit, cut, double a part, or put in what a reader may stumble over, once or a few times."""
    data = bytearray(valid)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 4, 30)))
        match rng.randrange(5):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case _:
                data[at:at] = rng.choice(PIECES)
    return bytes(data)


def mutated_json(valid: Any, rng: random.Random) -> bytes:
    """Change values, keys or lengths in JSON data, one or a few, and write it."""
    data = copy.deepcopy(valid)
    for _ in range(rng.choice((1, 1, 2, 4))):
        holders = list(_containers(data))
        holder = rng.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        odd = copy.deepcopy(rng.choice(ODD_VALUES))
        if not keys or rng.random() < 0.1:
            if isinstance(holder, dict):
                holder[rng.choice(("x", "", "\x1b[31m", "shape", "id"))] = odd
            else:
                holder.append(odd)
            continue
        key = rng.choice(keys)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(holder[rng.choice(keys)])
            case 2:
                holder[key] = [holder[key]]
            case _:
                holder[key] = odd
    return json.dumps(data).encode()


def _containers(data: Any) -> Iterator[Any]:
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            yield item
            waiting += item.values() if isinstance(item, dict) else item
