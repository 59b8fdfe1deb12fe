"""Another counter beside the audit: what it counts, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Difference:
    """Where another counter and the audit differ: on what, by how much, and why."""

    what: str
    ours: int
    theirs: int
    cause: str


@dataclass(frozen=True, slots=True)
class Peer:
    """Another counter on the same model and inputs.

    Attributes:
        name: the counter and its version.
        macs: its MACs, its FLOPs halved where it counts those; None where it failed.
        params: its parameters, where it counts them.
        by_operator: its own breakdown, where it has one.
        compared: how many operators both know, one by one.
        differences: on which the two differ; empty where they are equal.
        uncounted: operators that it does not count, and how often they stand.
        failed: why it has no count.
    """

    name: str
    macs: int | None = None
    params: int | None = None
    by_operator: dict[str, int] = field(default_factory=dict)
    compared: int = 0
    differences: tuple[Difference, ...] = ()
    uncounted: dict[str, int] = field(default_factory=dict)
    failed: str | None = None

    @property
    def equal(self) -> bool:
        """Whether it counted, and all that both know is equal."""
        return self.failed is None and not self.differences

    @property
    def explained(self) -> bool:
        """Whether every difference has a cause."""
        return all(difference.cause for difference in self.differences)
