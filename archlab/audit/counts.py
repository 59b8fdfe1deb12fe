"""The eight counts of an audit, declared once: how they add up, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import add, attrgetter


@dataclass(frozen=True, slots=True)
class Counts:
    """Arithmetic and bytes of one call of an operator, of a module or of a whole model; ``sum(…, Counts())`` adds up.

    Attributes:
        macs: multiply-accumulates of convolutions, linear layers, matrix products and attention.
        bias: additions of biases.
        norm: arithmetic of norms, as fvcore counts it.
        pool: arithmetic of pooling and interpolation; where fvcore counts it, as fvcore does.
        elementwise: all other arithmetic.
        activations: elements put out by what has MACs (Radosavovic et al. 2020, arXiv:2003.13678).
        read: bytes read; none for a view.
        written: bytes written; none for a view.

    >>> total = sum([Counts(macs=100, read=40), Counts(bias=10, written=30)], Counts())
    >>> total.operations, total.bytes, total.intensity
    (210, 70, 3.0)
    """

    macs: int = 0
    bias: int = 0
    norm: int = 0
    pool: int = 0
    elementwise: int = 0
    activations: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(add, _values(self), _values(other)))

    def counts(self) -> dict[str, int]:
        """Return the eight counts by name."""
        return dict(zip(COUNTS, _values(self), strict=True))

    @property
    def operations(self) -> int:
        """All arithmetic: a MAC is two operations, a product and a sum."""
        return 2 * self.macs + self.bias + self.norm + self.pool + self.elementwise

    @property
    def bytes(self) -> int:
        """Bytes read and written."""
        return self.read + self.written

    @property
    def intensity(self) -> float:
        """Arithmetic intensity, in operations per byte; 0 where no byte moves."""
        return self.operations / self.bytes if self.bytes else 0.0


COUNTS = tuple(field.name for field in fields(Counts))
"""The names of the counts, in the order of every table and file."""
_values = attrgetter(*COUNTS)
