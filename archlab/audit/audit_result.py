"""The result of an audit: plain data, with its tables, its graph and its JSON as methods.

Counts are for the inputs as given, the whole batch. MACs are multiply-accumulates of convolutions, linear layers,
matrix products and attention; biases, norms, pooling and element-wise arithmetic stand beside them and never in them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from archlab.audit.breakdown import stages_of, table_rows, totals_by_op, uncounted_in
from archlab.audit.conventions import Convention, conventions
from archlab.audit.counts import Counts
from archlab.audit.findings import Backward, Deployed, Input, Module, Operator, Part, Peak, Peer, Shared, Uncounted
from archlab.audit.operator_graph import operator_graph
from archlab.ir import Graph, Shape
from archlab.measured import Latency, Predicted, Roof
from archlab.shown import Tabled, short
from archlab.structure import Structure
from archlab.units import format_bytes, format_count


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit(Tabled, Counts):
    """What a model costs; the eight counts (see ``Counts``) are those of the whole batch.

    It prints as the table that ``archlab audit`` prints; ``frame`` and ``to_csv`` write it by ``module``, ``stage``,
    ``op`` or ``operator``, ``to_html`` as a page.

    Attributes:
        name: what was audited.
        kind: the model's class.
        inputs: the tensors that it was given.
        params: parameters, shared ones once.
        trainable: of those, the ones with gradients.
        param_bytes: the parameters' memory.
        buffer_bytes: the buffers' memory.
        memory: the peak of live activations in bytes; parameters, buffers and the inputs come on top.
        peak: where the memory peaks.
        device: ``meta`` where nothing was computed, else ``real``.
        reason: why the forward ran for real.
        training: the mode that it ran in; None where modules differ.
        shared: parameters that stand at several places.
        modules: every module in the order of the model, the model itself first.
        operators: every call in the order of running.
        shapes: the shapes of the parameters, by name.
        active_params: of a mixture of experts, the parameters that are used for one token on average; else None.
        deployed: the counts with batch norms folded and branches merged.
        backward: what a training step's gradients cost, where that was asked for.
        latency: the seconds that it takes on this machine, where that was asked for.
        roof: what this machine reaches at most, measured with it.
        predicted: those that a profile predicts for one image, where one was given.
        parts: the parts of a detector.
        notes: what else a reader should know.
        peers: other counters' counts, where they were asked for.
        structure: the blocks that it is made of, where that was asked for and could be found.
        no_structure: why they could not be found.
        seconds: how long the audit took.
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
    active_params: int | None = None
    deployed: Deployed | None = None
    backward: Backward | None = None
    latency: Latency | None = None
    roof: Roof | None = None
    predicted: Predicted | None = None
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()
    structure: Structure | None = None
    no_structure: str | None = None
    seconds: float = field(default=0.0, compare=False)

    view = "archlab.audit.show_audit"

    def __repr__(self) -> str:
        counts = f"{format_count(self.params)} params", f"{format_count(self.macs)} MACs"
        return short(self, self.name, *counts, f"{format_bytes(self.memory)} peak memory")

    @cached_property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """Operators whose arithmetic is not in the counts, most frequent first."""
        return uncounted_in(self.operators)

    @property
    def conventions(self) -> tuple[Convention, ...]:
        """The totals as other counters would give them."""
        return conventions(self.operators)

    def totals(self) -> dict[str, int]:
        """Return the numbers of the whole by name: parameters, bytes, the counts and the peak memory."""
        return {
            "params": self.params,
            "trainable": self.trainable,
            "param_bytes": self.param_bytes,
            "buffer_bytes": self.buffer_bytes,
            **self.counts(),
            "memory": self.memory,
        }

    def by_op(self) -> dict[str, dict[str, int]]:
        """Return the totals of each kind of operator: how many ``calls``, and every count."""
        return {total.op: {"calls": total.calls, **total.counts()} for total in totals_by_op(self.operators)}

    def by_stage(self) -> tuple[Module, ...]:
        """Return the modules that make up the model at the coarsest useful level, in the order of the model."""
        return stages_of(self.modules)

    def rows(self, by: str = "module") -> list[dict[str, Any]]:
        """Return a table as plain rows: ``module``, ``stage``, ``op``, or ``operator`` for every call.

        Raises:
            InputError: there is no such table.
        """
        return table_rows(by, self.modules, self.operators)

    def graph(self, views: bool = True) -> Graph:
        """Return the operators as the graph that the rest of archlab draws and analyses.

        Args:
            views: whether operators that move no data are nodes.
        """
        stages = [module.path for module in self.by_stage()]
        return operator_graph(self.name, self.inputs, self.operators, stages, self.shapes, views)

    def as_dict(self) -> dict[str, Any]:
        """Return the whole audit as plain data, in the schema of ``archlab audit --json`` (see docs/audit.md)."""
        return {
            "name": self.name,
            "kind": self.kind,
            "inputs": [{"name": i.name, "shape": list(i.shape), "dtype": i.dtype} for i in self.inputs],
            "device": self.device,
            "reason": self.reason,
            "training": self.training,
            **self.totals(),
            "intensity": round(self.intensity, 3),
            "active_params": self.active_params,
            "peak": {**asdict(self.peak), "live": [list(item) for item in self.peak.live]},
            "shared": [{"names": list(s.names), "params": s.params} for s in self.shared],
            "uncounted": [{"op": u.op, "times": u.times, "modules": list(u.modules)} for u in self.uncounted],
            "conventions": [asdict(convention) for convention in self.conventions],
            "deployed": None if self.deployed is None else _deployed_data(self.deployed),
            "backward": None if self.backward is None else asdict(self.backward),
            "latency": None if self.latency is None else asdict(self.latency),
            "roof": None if self.roof is None else {**asdict(self.roof), "ridge": self.roof.ridge},
            "predicted": None if self.predicted is None else asdict(self.predicted),
            "parts": [asdict(part) for part in self.parts],
            "peers": [asdict(peer) for peer in self.peers],
            "structure": None if self.structure is None else self.structure.as_dict(),
            "no_structure": self.no_structure,
            "notes": list(self.notes),
            "stages": [module.path for module in self.by_stage()],
            "modules": self.rows("module"),
            "operators": self.rows("operator"),
        }


def _deployed_data(deployed: Deployed) -> dict[str, Any]:
    """Return the counts as deployed; version 1 of the schema has no bytes here."""
    counts = {name: n for name, n in deployed.counts().items() if name not in ("read", "written")}
    return {"params": deployed.params, **counts, "folded": deployed.folded, "merged": deployed.merged}
