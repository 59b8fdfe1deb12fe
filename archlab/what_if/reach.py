"""How far a space goes from the network that it is opened around."""

from __future__ import annotations

from dataclasses import dataclass

_DIVISOR = 8
_MOST_STEPS = 16


@dataclass(frozen=True, slots=True)
class Reach:
    """What numbers may be.

    Attributes:
        least, most: the smallest and the largest share of what is written.
        fine: whether widths below 128 go by fewer channels than eight.
    """

    least: float
    most: float
    fine: bool = False

    def steps_of(self, width: int) -> tuple[int, int]:
        """Return what the steps between a width's values are multiples of, and the smallest step.

        >>> AROUND.steps_of(64), BELOW.steps_of(64), BELOW.steps_of(512)
        ((8, 8), (4, 4), (8, 32))
        """
        share = width // _MOST_STEPS
        if self.fine:
            unit = min(_DIVISOR, 1 << max(share, 1).bit_length() - 1)
        else:
            unit = _DIVISOR if width >= 2 * _DIVISOR else 1
        return unit, max(unit, share // unit * unit)


AROUND = Reach(0.5, 2.0)
BELOW = Reach(0.25, 1.0, fine=True)
"""For what must be no larger than the network: to be filled with its weights."""
