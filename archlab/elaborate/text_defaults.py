"""Defaults of a whole text: norm, activation and padding of every block that is not told otherwise."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from archlab.elaborate.arithmetic import describe
from archlab.elaborate.language import TEXT_DEFAULTS, Callee
from archlab.elaborate.scope import Bound, Layer
from archlab.errors import ElaborationError
from archlab.grammar import ast
from archlab.ops import REQUIRED

PADDINGS = ("same", "tf")


@dataclass(frozen=True, slots=True)
class TextDefaults:
    """What the first line sets, in one elaboration.

    Attributes:
        values: by name, of ``TEXT_DEFAULTS``.
        key: the same for two elaborations in which they mean the same.
        open: one holds a hole, so that what is made with it cannot be shared.
    """

    values: Mapping[str, Bound] = field(default_factory=dict)
    key: Hashable = None
    open: bool = False
    _taken: dict[tuple[str, bool], dict[str, Bound]] = field(default_factory=dict)

    def given_to(self, callee: Callee) -> Mapping[str, Bound]:
        """Return the arguments that ``callee`` gets where its call does not write them."""
        which = (callee.name, callee.own)
        if which not in self._taken:
            self._taken[which] = {
                name: value
                for name, value in self.values.items()
                if name in callee.params and takes_default(name, callee.params[name])
            }
        return self._taken[which]


def takes_default(name: str, default: object) -> bool:
    """Return whether a parameter takes the text's: a norm or activation, or a padding that is ``same``."""
    if name == "p":
        return default in ("same", ast.Name("same"))
    return name in TEXT_DEFAULTS and default is not REQUIRED and not isinstance(default, ast.Number | ast.Size)


def check_default(name: str, value: Bound) -> None:
    """Raise where ``value`` cannot be the default called ``name``.

    Raises:
        ElaborationError: a norm or activation that is no layer, or a padding that is none.
    """
    if name != "p":
        if not isinstance(value, Layer):
            raise ElaborationError(f"{name} must be a layer, not {describe(value)}")
        return
    numbers = value if isinstance(value, tuple) else (value,)
    if value not in PADDINGS and not (len(numbers) <= 2 and all(isinstance(n, int) and n >= 0 for n in numbers)):
        raise ElaborationError(f"p must be same, tf, a whole number or a size such as 1x0, not {describe(value)}")
