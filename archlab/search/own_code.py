"""A user's own metrics and filters: functions of a drawn network, counted before anything is paid.

``def energy(candidate) -> float`` is a metric, ``def fits(candidate) -> bool`` a filter. They are called for every
network that is drawn and meets the limits that cost less to count, so their exceptions are not a candidate's failure:
they end the search at once, with the line.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archlab import user_code
from archlab.elaborate import Network, Space, Value, fill_holes
from archlab.errors import ArchlabError, InputError, Place
from archlab.grammar import unparse
from archlab.ir import Graph
from archlab.user_effects import kept_folder, refused_exits
from archlab.user_place import place_of
from archlab.user_prints import forgiving_prints


class OwnCodeError(InputError):
    """A user's metric or filter ended in an exception, or gave what it may not."""


@dataclass(frozen=True, slots=True)
class DrawnCandidate:
    """What a metric or filter is given: a network that was drawn and not yet evaluated.

    Attributes:
        network: for ``archlab.by_stage`` and its like.
        cost: params, macs, other, activations and memory, and what else a budget counts.
        seed: the search's.
    """

    network: Network
    space: Space
    cost: dict[str, float]
    seed: int

    @property
    def graph(self) -> Graph:
        """Its operators; made when it is asked for."""
        return self.network.graph

    @property
    def text(self) -> str:
        """Its canonical text, without holes; made when it is asked for."""
        return unparse(fill_holes(self.space, self.network))

    @property
    def draws(self) -> dict[str, Value]:
        """The value of every hole, by name."""
        return dict(self.network.draws)


OwnCall = Callable[[DrawnCandidate], object]


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A metric or a filter: its name as it was written, and where it is called.

    Attributes:
        folder: the working folder that its module went to as it was loaded; None for the process's own.
    """

    name: str
    function: OwnCall
    folder: Path | None = None

    def number(self, candidate: DrawnCandidate) -> float:
        """Return the metric's value.

        Raises:
            OwnCodeError: it raises, or returns what is no finite number.
        """
        value = self._call(candidate)
        try:
            number = math.nan if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, ArithmeticError, RuntimeError):
            number = math.nan
        if not math.isfinite(number):
            raise OwnCodeError(f"{self.name} returned {_shown(value)}, not a finite number", self._start())
        return number

    def holds(self, candidate: DrawnCandidate) -> bool:
        """Return whether the filter lets a network through.

        Raises:
            OwnCodeError: it raises, or returns neither True nor False.
        """
        value = self._call(candidate)
        if type(value).__name__ not in ("bool", "bool_"):  # Python's, numpy's
            raise OwnCodeError(f"{self.name} returned {_shown(value)}, neither True nor False", self._start())
        return bool(value)

    def _call(self, candidate: DrawnCandidate) -> object:
        exits: list[str] = []
        try:
            with kept_folder(self.folder), forgiving_prints(), refused_exits() as exits:
                value = self.function(candidate)
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # it is anybody's code: it may even exit
            words = " ".join((error.message if isinstance(error, ArchlabError) else str(error)).split())[:300]
            ended = f"it called {exits[0]}" if exits else f"{type(error).__name__}: {words}".removesuffix(": ")
            raise OwnCodeError(f"{self.name}: {ended}", place_of(error), _NEXT) from error
        if exits:
            raise OwnCodeError(f"{self.name}: it called {exits[0]}", hint=_NEXT)
        return value

    def _start(self) -> Place | None:
        code = getattr(self.function, "__code__", None)
        return Place(code.co_filename, code.co_firstlineno, 1) if code is not None else None


_NEXT = "mend it and run the same again, with --accept-changed-code where networks were evaluated already"


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The metrics and filters of a search that are a user's own."""

    metrics: tuple[OwnFunction, ...] = ()
    filters: tuple[OwnFunction, ...] = ()

    @property
    def all(self) -> tuple[OwnFunction, ...]:
        """Metrics, then filters."""
        return (*self.metrics, *self.filters)


NO_RULES = OwnRules()


def load_function(target: str, what: str) -> tuple[Callable[..., Any], Path | None]:
    """Load ``module:function`` or ``file.py:function``; return it, and the folder that its module went to.

    Args:
        what: what it is to be, for the message.

    Raises:
        InputError: it cannot be loaded, or is no function.
    """
    source, colon, name = target.rpartition(":")
    if not colon or not source:
        raise InputError(f"{what} {target!r} names no function", hint="write it like file.py:function")
    with kept_folder():
        function = user_code.load(source, name)
    if not callable(function):
        raise InputError(f"{what} {target} is {type(function).__name__}, not a function")
    return function, user_code.folder_after_loading(source)


def load_rules(metrics: Iterable[OwnFunction], named: Iterable[str], filters: Iterable[str]) -> OwnRules:
    """Load the metrics that a budget names and the filters, beside the ``metrics`` that are objectives.

    Raises:
        InputError: one cannot be loaded, is given twice, or does not take a candidate alone.
    """
    counted = {metric.name: metric for metric in metrics}
    for name in named:
        if ":" in name and name not in counted:
            counted[name] = _load(name, "the metric")
    rules: dict[str, OwnFunction] = {}
    for name in filters:
        if name in rules:
            raise InputError(f"the rule {name} is given twice")
        rules[name] = _load(name, "the rule")
    return OwnRules(tuple(counted.values()), tuple(rules.values()))


def _load(name: str, what: str) -> OwnFunction:
    function, folder = load_function(name, what)
    if not takes_candidate_alone(function):
        raise InputError(
            f"{what} {name} does not take one argument, the candidate", hint="write it like def energy(candidate)"
        )
    return OwnFunction(name, function, folder)


def takes_candidate_alone(function: Callable[..., Any]) -> bool:
    """Return whether a function is a metric or filter ``(candidate)``, and no objective (module, candidate, trial)."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    return _binds(signature, 1) and not _binds(signature, 3)


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def _shown(value: object) -> str:
    try:
        return " ".join(repr(value).split())[:100]
    except Exception:  # a class of the user's may do anything
        return f"an object of the class {type(value).__name__}"
