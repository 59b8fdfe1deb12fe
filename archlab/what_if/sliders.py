"""A network's cost as polynomials in its widths, kernels and depths: what the sliders of a page compute with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

from archlab.cost import BYTES_PER_ELEMENT
from archlab.grammar.ast import Architecture
from archlab.what_if.polynomials import Polynomial, value_at


@dataclass(frozen=True, slots=True)
class Slider:
    """A number of the text that can vary.

    Attributes:
        name: the hole of the opened text, for ``--set``.
        stage: the first stage that it is in.
        kind: ``width``, ``depth`` or ``kernel``.
        values: what it can be, in order.
        default: what it is in the text.
    """

    name: str
    stage: str
    kind: str
    values: tuple[int, ...]
    default: int


@dataclass(frozen=True, slots=True)
class Position:
    """A moment of the running order.

    Attributes:
        live: the elements alive then.
        repeats: the depths that must be at least 2, by slider, for the moment to exist.
    """

    live: Polynomial
    repeats: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sliders:
    """The exact costs of every setting of the sliders.

    The polynomials' variables are the sliders, by number: a width or kernel itself, of a depth one less, so that
    repeats that are not there count zero times.

    Attributes:
        architecture: the text opened as a space: the sliders are holes of it.
        sliders: what can vary.
        params, macs: polynomials.
        memory: of the moments that can be the peak; the memory is the largest. Empty where it has no such form.
        left_out: holes without a slider, and why.
    """

    architecture: Architecture
    sliders: tuple[Slider, ...]
    params: Polynomial
    macs: Polynomial
    memory: tuple[Position, ...]
    left_out: tuple[tuple[str, str], ...]

    def costs(self, setting: Mapping[str, int]) -> dict[str, int]:
        """Return ``params``, ``macs`` and, where it is known, ``memory`` in bytes, for values by the sliders' names.

        What is not given has its default. This is what the page's script does.
        """
        values = [setting.get(slider.name, slider.default) for slider in self.sliders]
        point = [n - 1 if s.kind == "depth" else n for s, n in zip(self.sliders, values, strict=True)]
        found = {"params": int(value_at(self.params, point)), "macs": int(value_at(self.macs, point))}
        live = [value_at(p.live, point) for p in self.memory if all(point[i] for i in p.repeats)]
        return found | ({"memory": BYTES_PER_ELEMENT * int(max(live))} if live else {})

    def as_dict(self) -> dict[str, Any]:
        """Return it for a page's script: whole numbers alone, each polynomial with what it is to be divided by."""
        return {
            "sliders": [
                {"name": s.name, "stage": s.stage, "kind": s.kind, "values": s.values, "at": s.values.index(s.default)}
                for s in self.sliders
            ],
            "params": _whole(self.params),
            "macs": _whole(self.macs),
            "memory": [{**_whole(p.live), "repeats": p.repeats} for p in self.memory],
            "bytes": BYTES_PER_ELEMENT,
        }


def _whole(polynomial: Polynomial) -> dict[str, Any]:
    """Return a polynomial as text-safe data: coefficients as strings, since a script's numbers end at 2^53."""
    over = lcm(1, *(factor.denominator for factor in polynomial.values()))
    terms: Sequence[Any] = [[str(int(factor * over)), monomial] for monomial, factor in sorted(polynomial.items())]
    return {"terms": terms, "over": str(over)}
