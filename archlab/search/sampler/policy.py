"""How the default sampler ranks candidates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How candidates are ranked. The default is what ``benchmarks/exploration.py`` chose, and judged on other tables.

    Attributes:
        deviations: standard deviations of the process that are added to what is expected.
        paths: whether networks are described by the ways through them too.
    """

    deviations: float = 1.0
    paths: bool = True


POLICY = Policy()
"""The default."""
