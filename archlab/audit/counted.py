"""What is counted: an operator's call, a module with all that is in it, and what both have in common."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.ir import Shape

ARITHMETIC = ("macs", "bias", "norm", "pool", "elementwise")
COUNTS = (*ARITHMETIC, "activations", "read", "written")
"""The counts that add up over operators."""


class Counted:
    """What has counts."""

    __slots__ = ()

    macs: int
    bias: int
    norm: int
    pool: int
    elementwise: int
    read: int
    written: int

    @property
    def intensity(self) -> float:
        """Operations a byte: twice the MACs, since one is a product and a sum, plus all other arithmetic."""
        moved = self.read + self.written
        work = 2 * self.macs + self.bias + self.norm + self.pool + self.elementwise
        return work / moved if moved else 0.0


@dataclass(frozen=True, slots=True)
class Operator(Counted):
    """One call of an operator.

    Attributes:
        name: its path: its module, its operator, and a number where the module calls it more than once.
        op: the operator, such as ``conv2d``.
        target: the operator in full, such as ``aten.conv2d.default``.
        module: the path of the module that calls it; empty for the model itself.
        inputs: the operators whose outputs it takes, by number; -1 is the network's input.
        shapes: the shapes of its outputs, the batch included.
        dtype: of its first output.
        params: the parameters that it reads, by name.
        macs: multiply-accumulates.
        bias: additions of biases.
        norm: arithmetic of norms, as fvcore counts it.
        pool: arithmetic of pooling and interpolation; of what fvcore counts, as fvcore counts it.
        elementwise: all other arithmetic.
        activations: elements put out by convolutions, linear layers and matrix products.
        read: bytes read; none for a view.
        written: bytes written; none for a view.
        live: bytes of activations that are alive when it has run.
        counted: whether its arithmetic is known.
    """

    name: str
    op: str
    target: str
    module: str
    inputs: tuple[int, ...]
    shapes: tuple[Shape, ...]
    dtype: str
    params: tuple[str, ...]
    macs: int
    bias: int
    norm: int
    pool: int
    elementwise: int
    activations: int
    read: int
    written: int
    live: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Module(Counted):
    """A module with all that is in it.

    Attributes:
        path: its path; empty for the model itself.
        kind: its class.
        calls: how often it was called.
        params: its parameters and those of the modules in it, each counted once.
        shared: of those, what modules elsewhere hold too.
        own: parameters that it holds itself.
        operators: how many operators ran in it.
    """

    path: str
    kind: str
    calls: int
    params: int
    shared: int
    own: int
    operators: int
    macs: int
    bias: int
    norm: int
    pool: int
    elementwise: int
    activations: int
    read: int
    written: int
    memory: int

    @property
    def depth(self) -> int:
        """How deep it lies: 0 is the model itself."""
        return self.path.count(".") + 1 if self.path else 0
