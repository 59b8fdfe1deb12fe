"""What a text sets in its first line for all its blocks: the commonest norm, activation and padding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from archlab.ir import Graph, Node
from archlab.lift.text.layers import ACTIVATIONS, NONE, NORMS, Call, Value
from archlab.lift.text.operator_calls import operator_call
from archlab.ops import OPS

CONVOLUTIONS = ("conv2d", "wsconv2d")
LEAST = 3
"""How many convolutions must have a norm or an activation that is set for all."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults that a text sets; None where it leaves the language's own."""

    norm: Call | None = None
    act: Call | None = None
    p: str | None = None

    @property
    def given(self) -> tuple[tuple[str, Value], ...]:
        """Those that are set, by name."""
        named: tuple[tuple[str, Value | None], ...] = (("norm", self.norm), ("act", self.act), ("p", self.p))
        return tuple((name, value) for name, value in named if value is not None)

    def of(self, name: str, default: Value | None) -> Value | None:
        """Return the default of a parameter whose own default is ``default``."""
        if name == "p":
            return self.p or default if default == "same" else default
        own = {"norm": self.norm, "act": self.act}.get(name)
        return default if own is None or not isinstance(default, Call) else own


NO_DEFAULTS = Defaults()


def commonest(graph: Graph) -> Defaults:
    """Return the norm, the activation and the padding of most convolutions, where these are not the language's own."""
    behind = {source: node for node in graph for source in node.inputs if node.op in (*NORMS, *ACTIVATIONS)}
    convs = [node for node in graph if node.op in CONVOLUTIONS and node.shape[1:] != (1, 1)]  # gates have no norm
    norms = [_bare(behind.get(conv.name), graph, NORMS) for conv in convs]
    ends = [behind[conv.name] if norm != NONE else conv for conv, norm in zip(convs, norms, strict=True)]
    acts = [_bare(behind.get(end.name), graph, ACTIVATIONS) for end in ends]
    bare = [norm == act == NONE for norm, act in zip(norms, acts, strict=True)]
    norm = _most(norm for norm, alone in zip(norms, bare, strict=True) if not alone)
    act = _most(act for act in acts if act != NONE)
    return Defaults(
        norm if norm is not None and norm != _OWN_NORM else None,
        act if act is not None and act != Call("relu") else None,
        "tf" if sum("padding_end" in node.attrs for node in graph) >= LEAST else None,
    )


def _bare(node: Node | None, graph: Graph, ops: tuple[str, ...]) -> Call:
    """The norm or activation behind a convolution, as an argument."""
    if node is None or node.op not in ops:
        return NONE
    call = operator_call(node, graph.shape_of(node.inputs[0]))
    return Call(call.name, call.args)


def _most(layers: Iterable[Call]) -> Call | None:
    counts = Counter(layers).most_common(1)
    return counts[0][0] if counts and counts[0][1] >= LEAST else None


_OWN_NORM = Call("bn", tuple(OPS["bn"].signature.items()))
