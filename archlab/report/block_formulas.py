"""A block of the page of convolutions: its text, its convolutions, and the formulas of their weights.

The names in formulas are those of the language: ``in`` and ``c`` channels, kernel ``k``, groups ``g``, depth multiplier
``dm``, expansion ``e``; ``m`` are the channels in the middle of a block, ``n`` the rows and columns of the map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

Settings = Mapping[str, float]
"""A value for each name."""


@dataclass(frozen=True, slots=True)
class Product:
    """A formula: the product of ``factors``, names of settings and whole numbers; over ``by`` where that is one."""

    factors: tuple[str, ...]
    by: str = ""

    def __str__(self) -> str:
        """Write the formula.

        >>> str(Product(("k", "k", "in", "c"), by="g"))
        'k · k · in · c / g'
        """
        return " · ".join(self.factors) + (f" / {self.by}" if self.by else "")

    def filled(self, values: Settings) -> str:
        """Write it with numbers.

        >>> Product(("k", "k", "in"), by="g").filled({"k": 3, "in": 64, "g": 4})
        '3 · 3 · 64 / 4'
        """
        by = f"{_value(self.by, values):g}" if self.by else ""
        return str(Product(tuple(f"{_value(factor, values):g}" for factor in self.factors), by))

    def value(self, values: Settings) -> float:
        """Return what it comes to."""
        whole = prod(_value(factor, values) for factor in self.factors)
        return whole / _value(self.by, values) if self.by else whole

    def as_dict(self) -> dict[str, object]:
        """Return it as the page's script reads it."""
        return {"factors": list(self.factors), "by": self.by}


@dataclass(frozen=True, slots=True)
class Step:
    """One convolution of a block: its name with its kernel, and the formula of its weights.

    A projection is there only where the channels in and out differ.
    """

    name: str
    weights: Product
    is_projection: bool = False


@dataclass(frozen=True, slots=True)
class Lesson:
    """A block as the page explains it.

    Attributes:
        key: its name in links.
        title, about, source: for the reader; the source is where it was published.
        call: its text, with settings in braces.
        steps: its convolutions, in the order in which archlab's graph has them.
        middle: the formula of ``m``; None where the block has no middle.
        standard: the text of the standard convolution that it stands for.
        standard_step: that convolution.
    """

    key: str
    title: str
    about: str
    source: str
    call: str
    steps: tuple[Step, ...]
    middle: Product | None = None
    standard: str = "conv({c}, {k})"
    standard_step: Step = Step("standard convolution", Product(("k", "k", "in", "c")))

    def values(self, settings: Settings) -> Settings:
        """Return the settings, with ``m`` where the block has a middle."""
        return {**settings, "m": self.middle.value(settings)} if self.middle else settings


def _value(factor: str, values: Settings) -> float:
    return values[factor] if factor in values else float(factor)
