"""Limits on what a model may cost: one line for each that it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archlab.audit.audit_result import Audit
from archlab.budget_text import parse_budget
from archlab.cost import METRICS, Budget
from archlab.errors import InputError, printable
from archlab.units import format_change

LIMITS = ("params", "macs", "activations", "memory")


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a model breaks."""

    name: str
    metric: str
    value: int
    limit: int

    def __str__(self) -> str:
        form = METRICS[self.metric].format
        over = format_change(self.limit, self.value)
        return f"{printable(self.name)}: {self.metric} {form(self.value)} > {form(self.limit)} ({over})"


def parse_limits(texts: Iterable[str]) -> Budget:
    """Read limits such as ``macs=600M``.

    Raises:
        InputError: an unknown metric, one given twice, or a value that is no positive number in its unit.
    """
    budget = parse_budget(texts)
    for name in budget.names:
        if name not in LIMITS:
            raise InputError(f"an audit cannot limit {name}", hint=f"one of: {', '.join(LIMITS)}")
    if budget.floors:
        raise InputError(f"an audit has upper limits only, not {budget.floors[0][0]}>=", hint="write it like macs=600M")
    return budget


def breaches_of(audit: Audit, limits: Budget) -> list[Breach]:
    """Return the limits that ``audit`` breaks, in the order of the limits."""
    return [
        Breach(audit.name, metric, getattr(audit, metric), round(limit))
        for metric, limit in limits.limits
        if getattr(audit, metric) > limit
    ]
