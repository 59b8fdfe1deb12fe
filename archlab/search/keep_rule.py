"""How many candidates go on to the next stage."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from archlab.errors import InputError, quote


@dataclass(frozen=True, slots=True)
class KeepRule:
    """How many candidates go on: a share of those that were scored, rounded up, or a count."""

    share: float | None = None
    count: int = 0

    def kept_of(self, scored: int) -> int:
        """Return how many of ``scored`` candidates go on."""
        # Rounded first: 0.07 * 100 is 7.000000000000001.
        return min(scored, self.count if self.share is None else math.ceil(round(self.share * scored, 9)))

    def __str__(self) -> str:
        return str(self.count) if self.share is None else f"{self.share * 100:g}%"


def parse_keep(text: str) -> KeepRule:
    """Parse a share such as ``25%``, or a count such as ``8``.

    Raises:
        InputError: it is neither, or keeps nothing, or more than all.

    >>> parse_keep("25%").kept_of(61), parse_keep("8").kept_of(61), parse_keep("8").kept_of(5)
    (16, 8, 5)
    """
    hint = "write a share such as 25%, or a count such as 8"
    match = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(%?)\s*", text)
    if match is None or (not match[2] and "." in match[1]):
        raise InputError(f"--keep {quote(text)} is neither a share nor a count", hint=hint)
    value = float(match[1])
    if value == 0:
        raise InputError(f"--keep {text.strip()} keeps nothing for the next stage", hint=hint)
    if not match[2]:
        return KeepRule(count=int(value))
    if value > 100:
        raise InputError(f"--keep {text.strip()} is more than all candidates", hint=hint)
    return KeepRule(share=value / 100)
