"""An audit as ``archlab.ir.Graph``: what draws, reports and analyses our own networks does so for an existing model.

Nodes are the operators of the pass, in the order of running. Shapes are without the batch, which is that of the first
input; counts are those of the whole batch. Views are nodes too, unless they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from archlab.audit.result import Audit
from archlab.ir import INPUT, Graph, Node, Shape


def to_graph(audit: Audit, views: bool = True) -> Graph:
    """The operators of ``audit`` as a graph.

    Args:
        views: whether operators that move no data are nodes; without them their readers take what they view.
    """
    batch = audit.inputs[0].shape[0] if audit.inputs and audit.inputs[0].shape else 1
    stages = _stages(audit)
    kept: dict[int, str] = {}
    nodes = []
    seen: set[str] = set()
    for number, operator in enumerate(audit.operators):
        sources = tuple(_source(i, kept) for i in operator.inputs)
        if not views and not operator.written and not operator.macs and len(set(sources)) == 1:
            kept[number] = sources[0]
            continue
        kept[number] = operator.name
        fresh = [name for name in operator.params if name not in seen]
        seen.update(fresh)
        stage = _stage(operator.module, stages)
        nodes.append(
            Node(
                name=operator.name,
                op=operator.op,
                attrs={
                    "target": operator.target,
                    "dtype": operator.dtype,
                    "shared": tuple(p for p in operator.params if p not in fresh),
                },
                inputs=sources,
                shape=_without_batch(operator.shapes[0] if operator.shapes else (), batch),
                stage=stage,
                block=_block(operator.module, stage),
                weights={name.removeprefix(f"{operator.module}."): audit.shapes[name] for name in fresh},
                buffers={},
                macs=operator.macs,
                other=operator.norm + operator.pool + operator.bias + operator.elementwise,
                activations=operator.activations,
            )
        )
    first = audit.inputs[0].shape if audit.inputs else ()
    return Graph(audit.name, _without_batch(first, batch), tuple(nodes))


def _source(number: int, kept: dict[int, str]) -> str:
    return INPUT if number < 0 else kept[number]


def _without_batch(shape: Shape, batch: int) -> Shape:
    return shape[1:] if len(shape) > 1 and shape[0] == batch else shape


def _stages(audit: Audit) -> tuple[str, ...]:
    return tuple(module.path for module in audit.by_stage())


def _stage(module: str, stages: Sequence[str]) -> str:
    """The stage that a module lies in; what lies between stages belongs to its own top module."""
    for stage in stages:
        if module == stage or module.startswith(f"{stage}."):
            return stage
    return module.partition(".")[0] or "model"


def _block(module: str, stage: str) -> str:
    """The part of the stage that a module lies in."""
    inside = module.removeprefix(stage).lstrip(".").partition(".")[0]
    return f"{stage}.{inside}" if inside else stage
