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

    @property
    def explores(self) -> bool:
        """Whether it matters how sure the process is."""
        return self.deviations > 0 or self.believe


POLICY = Policy()
"""The default."""
