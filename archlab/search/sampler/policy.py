"""How the default sampler ranks candidates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How candidates are ranked; ``benchmarks/exploration.py`` compares policies.

    Attributes:
        deviations: standard deviations of the process that are added to what is expected.
        paths: whether networks are described by the ways through them too.
        believe: whether a batch is chosen one after another, what is expected of the first ones taken as seen.
    """

    deviations: float = 0.0
    paths: bool = False
    believe: bool = False


POLICY = Policy()
"""The default."""
