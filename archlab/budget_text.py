"""Budgets as users write them: ``macs=300M``, ``depth>=4``, ``macs=50M..60M``, ``stage3.params=1M``, ``macs=0.5x``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from archlab.cost import COUNTED, METRICS, Budget, Metric, metric_of
from archlab.errors import InputError, did_you_mean, quote
from archlab.units import parse_quantity

_LIMIT = re.compile(r"\s*(?P<name>.*?)\s*(?P<sign>>=|<=|=)\s*(?P<value>[^=<>]*)\s*", re.DOTALL)
_TIMES = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*[x×]\s*")
HOW = "write it like macs=300M, macs>=50M or macs=50M..60M"


@dataclass(frozen=True, slots=True)
class Limit:
    """One side of a limit, as it was written: the most of a metric, or the least."""

    text: str
    name: str
    is_floor: bool
    value: str

    @property
    def times(self) -> float | None:
        """What share of the default draw it is; None where it is not relative."""
        match = _TIMES.fullmatch(self.value)
        return None if match is None else float(match[1])

    @property
    def key(self) -> str:
        """The metric, with ``>=`` behind it for a lower limit."""
        return f"{self.name}>=" if self.is_floor else self.name


def limits_in(texts: Iterable[str]) -> tuple[Limit, ...]:
    """Return the limits that ``texts`` write; a range is two.

    >>> [(limit.key, limit.value) for limit in limits_in(["macs=50M..60M", "depth>=4"])]
    [('macs>=', '50M'), ('macs', '60M'), ('depth>=', '4')]

    Raises:
        InputError: one has not the form of a limit.
    """
    found = []
    for text in texts:
        match = _LIMIT.fullmatch(text)
        if match is None or not match["name"] or not match["value"]:
            raise InputError(f"the budget {quote(text)} is not METRIC=VALUE", hint=HOW)
        name, value = match["name"], match["value"]
        low, dots, high = value.partition("..")
        if dots and match["sign"] != "=":
            raise InputError(f"the budget {quote(text)} is a range and a bound at once", hint=HOW)
        if dots:
            found += [Limit(text, name, True, low), Limit(text, name, False, high)]
        else:
            found.append(Limit(text, name, match["sign"] == ">=", value))
    return tuple(found)


def relative_budgets(texts: Iterable[str]) -> dict[str, float]:
    """Return the limits among ``texts`` that are relative, by metric, with ``>=`` behind it for a lower one.

    >>> relative_budgets(["macs=0.5x", "params=3.4M", "macs>=.25x"])
    {'macs': 0.5, 'macs>=': 0.25}
    """
    return {limit.key: limit.times for limit in limits_in(texts) if limit.times is not None}


def parse_budget(
    texts: Iterable[str], relative_to: Mapping[str, float] | None = None, parts: Collection[str] = ()
) -> Budget:
    """Return a budget from texts such as ``macs=300M``, ``macs=50M..60M``, ``latency=25ms`` and ``stage3.params=1M``.

    Args:
        texts: a metric and its limits each; a user's own is ``file.py:function``.
        relative_to: costs by metric, of which ``macs=0.5x`` is a share.
        parts: the parts of the network that a limit may be on.

    >>> parse_budget(["macs=0.5x", "params>=10"], {"macs": 301})
    Budget(limits=(('macs', 150),), floors=(('params', 10),), units=())

    Raises:
        InputError: an unknown metric or part, a side given twice or none left between the two, a value that is no
            positive number in its unit, or a relative one where there is nothing that it could be of.
    """
    sides: tuple[dict[str, float], dict[str, float]] = ({}, {})
    units: dict[str, str] = {}
    for limit in limits_in(texts):
        metric = _metric(limit, parts)
        side = sides[limit.is_floor]
        if limit.name in side:
            words = "a lower limit of " if limit.is_floor else ""
            raise InputError(f"the budget names {words}{limit.name} twice")
        side[limit.name] = _value(limit, metric, relative_to)
        if ":" in limit.name and limit.times is None:
            unit = parse_quantity(limit.value)[1]
            if unit and units.setdefault(limit.name, unit) != unit:
                raise InputError(f"the budget {quote(limit.text)} is in {unit}, and another in {units[limit.name]}")
        if side[limit.name] <= 0:
            raise InputError(f"the budget {quote(limit.text)} must be positive")
    budget = Budget(tuple(sides[0].items()), tuple(sides[1].items()), tuple(units.items()))
    for name, least in budget.floors:
        most = sides[0].get(name)
        if most is not None and least > most:
            show = budget.metric(name).format
            raise InputError(f"the budget wants at least {show(least)} and at most {show(most)} of {name}", hint=HOW)
    return budget


def _metric(limit: Limit, parts: Collection[str]) -> Metric:
    name = limit.name
    if name in METRICS or ":" in name:
        return metric_of(name)
    part, dot, tail = name.rpartition(".")
    if not dot:
        hint = did_you_mean(name, METRICS)
        raise InputError(f"the budget {quote(limit.text)} names no metric: there is no {quote(name)}", hint=hint)
    if not parts:
        raise InputError(f"the budget {quote(limit.text)} is on a part, and only a search knows parts", hint=HOW)
    if part not in parts:
        raise InputError(
            f"the budget {quote(limit.text)} is on {quote(part)}, which is no part of this network",
            hint=f"its parts are {', '.join(parts)}",
        )
    if tail not in COUNTED:
        hint = f"of a part there are {', '.join(COUNTED)}"
        if tail == "depth":
            hint += f"; how often a part is repeated is limited in the text: require {name} >= 4"
        raise InputError(f"the budget {quote(limit.text)} is on {quote(tail)}, which no part has", hint=hint)
    return metric_of(name)


def _value(limit: Limit, metric: Metric, relative_to: Mapping[str, float] | None) -> float:
    """Return a limit in the metric's unit; of a relative one the last cost that is within it."""
    if limit.times is None:
        return metric.parse(limit.value)
    example = f"write it like {limit.name}={metric.example}"
    if metric.measured:
        raise InputError(
            f"the budget {quote(limit.text)} cannot be relative: {limit.name} is measured, not counted", hint=example
        )
    if relative_to is None:
        raise InputError(
            f"the budget {quote(limit.text)} is relative, and there is nothing here that it could be of", hint=example
        )
    value = limit.times * relative_to[limit.name]
    if ":" in limit.name:
        return value
    return -int(-value // 1) if limit.is_floor else int(value)
