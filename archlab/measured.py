"""What is measured of a network beside its closed form: fvcore's count, and the time that it takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recount:
    """fvcore's count of a network beside the closed form's.

    Attributes:
        macs: fvcore's convolutions and linear layers.
        total: all that fvcore counts, norms and pooling included.
        by_operator: fvcore's own breakdown.
        uncounted: operators that fvcore does not count, and how often they stand.
        equal: whether every operator's count equals the closed form's.
    """

    macs: int
    total: int
    by_operator: dict[str, int]
    uncounted: dict[str, int]
    equal: bool


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds for one image on this machine: the median of ``runs`` warm runs on ``threads`` threads."""

    median: float
    low: float
    high: float
    runs: int
    threads: int


@dataclass(frozen=True, slots=True)
class Roof:
    """What a machine reaches at most, in fp32 on ``threads`` threads: operations and bytes, each per second.

    A product and a sum are two operations.
    """

    operations: float
    bytes: float
    threads: int

    @property
    def ridge(self) -> float:
        """Operations per byte below which memory is the limit, and above which arithmetic is."""
        return self.operations / self.bytes


@dataclass(frozen=True, slots=True)
class Predicted:
    """Seconds for one image as a profile predicts them; ``low`` to ``high`` is where 90 % of networks lie.

    Attributes:
        measured: the share of the seconds that is of kernels that the profile measured in these very sizes; None
            where no kernel was.
        by: the profile in one line.
    """

    seconds: float
    low: float
    high: float
    measured: float | None
    by: str
