"""What an audit finds, as data: all that tables, files and reports are made from.

Counts are for the inputs as given, the whole batch. MACs are multiply-accumulates of convolutions, linear layers,
matrix products and attention; biases, norms, pooling and element-wise arithmetic stand beside them and never in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archlab.audit.counted import COUNTS, Module, Operator
from archlab.audit.peer import Peer
from archlab.ir import Shape

if TYPE_CHECKING:
    import pandas as pd

    from archlab.ir import Graph

SCHEMA = "archlab.audit/1"


@dataclass(frozen=True, slots=True)
class Shared:
    """Parameters that stand at several places and are counted once."""

    names: tuple[str, ...]
    params: int


@dataclass(frozen=True, slots=True)
class Uncounted:
    """An operator whose arithmetic is not known: how often it runs, and in which modules."""

    op: str
    times: int
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the memory peaks: the operator, its module, and what is alive there, largest first, by operator."""

    bytes: int
    operator: str
    module: str
    live: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a detector: ``each`` MACs for one of ``times`` units (images, proposals, detections)."""

    name: str
    unit: str
    times: int
    each: float
    macs: int
    params: int


@dataclass(frozen=True, slots=True)
class Deployed:
    """The counts as deployed: ``folded`` batch norms are part of the layers before them, branches are ``merged``."""

    params: int
    macs: int
    bias: int
    norm: int
    pool: int
    elementwise: int
    activations: int
    folded: int
    merged: bool


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the model was given."""

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Audit:
    """What a model costs; counts of the whole batch as ints, tables as data and on request as pandas frames.

    Attributes:
        name: what was audited.
        kind: the model's class.
        inputs: the tensors that it was given.
        params: parameters, shared ones once.
        trainable: of those, with gradients.
        param_bytes: their memory.
        buffer_bytes: the buffers' memory.
        memory: the peak of live activations in bytes; parameters, buffers and the inputs come on top.
        peak: where it stands.
        device: ``meta`` where nothing was computed, else ``real``.
        reason: why the forward ran for real.
        training: the mode that it ran in; None where modules differ.
        shared: parameters that stand at several places.
        modules: every module in the order of the model, the model itself first.
        operators: every call in the order of running.
        shapes: of the parameters, by name.
        deployed: the counts with batch norms folded and branches merged.
        parts: of a detector.
        notes: what else a reader should know.
        peers: other counters' counts, where they were asked for.
        seconds: what the audit took.
    """

    name: str
    kind: str
    inputs: tuple[Input, ...]
    params: int
    trainable: int
    param_bytes: int
    buffer_bytes: int
    memory: int
    peak: Peak
    device: str
    reason: str | None
    training: bool | None
    shared: tuple[Shared, ...]
    modules: tuple[Module, ...]
    operators: tuple[Operator, ...]
    shapes: dict[str, Shape] = field(default_factory=dict)
    deployed: Deployed | None = None
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.modules[0].macs

    @property
    def bias(self) -> int:
        """Additions of biases."""
        return self.modules[0].bias

    @property
    def norm(self) -> int:
        """Arithmetic of norms."""
        return self.modules[0].norm

    @property
    def pool(self) -> int:
        """Arithmetic of pooling and interpolation."""
        return self.modules[0].pool

    @property
    def elementwise(self) -> int:
        """All other arithmetic."""
        return self.modules[0].elementwise

    @property
    def activations(self) -> int:
        """Elements put out by convolutions, linear layers and matrix products."""
        return self.modules[0].activations

    @property
    def read(self) -> int:
        """Bytes read."""
        return self.modules[0].read

    @property
    def written(self) -> int:
        """Bytes written."""
        return self.modules[0].written

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.modules[0].intensity

    @cached_property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """Operators whose arithmetic is not in the counts, most frequent first."""
        places: dict[str, list[str]] = {}
        for operator in self.operators:
            if not operator.counted:
                places.setdefault(operator.target, []).append(operator.module)
        rows = (Uncounted(op, len(at), tuple(dict.fromkeys(at))) for op, at in places.items())
        return tuple(sorted(rows, key=lambda row: (-row.times, row.op)))

    def by_op(self) -> dict[str, dict[str, int]]:
        """Totals by operator: how many ``calls`` and every count."""
        totals: dict[str, dict[str, int]] = {}
        for operator in self.operators:
            row = totals.setdefault(operator.op, dict.fromkeys(("calls", *COUNTS), 0))
            row["calls"] += 1
            for name in COUNTS:
                row[name] += getattr(operator, name)
        return totals

    def by_stage(self) -> tuple[Module, ...]:
        """The modules that make up the model at the coarsest useful level, in the order of the model."""
        from archlab.audit.stages import stages

        return stages(self.modules)

    def frame(self, by: str = "module") -> pd.DataFrame:
        """A table as a pandas frame: ``module``, ``stage``, ``op``, or ``operator`` for every call."""
        import pandas as pd

        from archlab.audit.rows import rows

        return pd.DataFrame(rows(self, by))

    def graph(self) -> Graph:
        """The operators as the graph that the rest of archlab draws and analyses."""
        from archlab.audit.graph import to_graph

        return to_graph(self)

    def as_dict(self) -> dict[str, Any]:
        """The whole audit as plain data, in the schema of ``archlab audit --json``."""
        from archlab.audit.formats.json import audit_data

        return audit_data(self)
