"""What an audit finds, piece by piece, as plain data: operators, modules, memory, and what other counters say."""

from __future__ import annotations

from dataclasses import dataclass, field

from archlab.audit.counts import Counts
from archlab.audit.operands import Argument, Signature, named
from archlab.ir import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator(Counts):
    """One call of an operator, with its counts.

    Attributes:
        name: its path: its module, its operator, and a number where the module calls it more than once.
        op: the operator, such as ``conv2d``.
        target: the operator in full, such as ``aten.conv2d.default``.
        module: the path of the module that calls it; empty for the model itself.
        inputs: the operators whose outputs it takes, by number; -1 is the network's input.
        given: what it was called with, by position: numbers, texts, and in the place of tensors where they come from.
        signature: the names and defaults of its arguments.
        takes: the shapes of the tensors that it takes, weights among them, the batch included.
        settings: its kernel, stride, padding, dilation and groups; those that it has.
        shapes: the shapes of its outputs, the batch included.
        dtype: the type of its first output.
        params: the parameters that it reads, by name.
        live: bytes of activations that are alive when it has run.
        counted: whether its arithmetic is known.
    """

    name: str
    op: str
    target: str
    module: str
    inputs: tuple[int, ...]
    given: tuple[Argument, ...] = field(default=(), repr=False)
    signature: Signature = field(default=(), repr=False)
    takes: tuple[Shape, ...] = ()
    settings: dict[str, int | str | tuple[int, ...]] = field(default_factory=dict)
    shapes: tuple[Shape, ...]
    dtype: str
    params: tuple[str, ...]
    live: int
    counted: bool

    @property
    def arguments(self) -> dict[str, Argument]:
        """What it was called with, by name, those that were left out with their defaults."""
        return named(self.signature, self.given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module(Counts):
    """A module with the counts of all that runs in it.

    Attributes:
        path: its path; empty for the model itself.
        kind: its class.
        calls: how often it was called.
        params: its parameters and those of the modules in it, each counted once.
        shared: of those, the ones that modules elsewhere hold too.
        own: parameters that it holds itself.
        operators: how many operators ran in it.
        memory: the most bytes of activations that were alive after one of its operators.
        latency: the seconds that it and the modules in it take on this machine; None where that was not measured.
        own_latency: of those, what no module in it takes.
    """

    path: str
    kind: str
    calls: int
    params: int
    shared: int
    own: int
    operators: int
    memory: int
    latency: float | None = None
    own_latency: float | None = None

    @property
    def depth(self) -> int:
        """How deep it lies: 0 is the model itself."""
        return self.path.count(".") + 1 if self.path else 0


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the model was given."""

    name: str
    shape: Shape
    dtype: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed(Counts):
    """The counts as deployed: ``folded`` batch norms are part of the layers before them, branches are ``merged``."""

    params: int
    folded: int
    merged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Backward(Counts):
    """What a training step runs for its gradients, after the forward.

    Attributes:
        memory: the peak of the whole step in bytes, gradients included; parameters, buffers and inputs come on top.
        macs_of: MACs by module, with those of the modules in it, by path.
        uncounted: operators whose arithmetic is not known.
    """

    memory: int
    macs_of: dict[str, int]
    uncounted: tuple[Uncounted, ...] = ()


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
        differences: where the two differ; empty where they are equal.
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
