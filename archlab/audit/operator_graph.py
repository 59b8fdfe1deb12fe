"""An audit's operators as ``archlab.ir.Graph``: what draws and analyses our own networks then takes any model.

Nodes are the operators of the pass, in the order of running. Shapes are without the batch, which is that of the first
input; counts are those of the whole batch. Views are nodes too, unless they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlab.audit.findings import Input, Operator
from archlab.ir import INPUT, Graph, Node, Shape


def operator_graph(
    name: str,
    inputs: Sequence[Input],
    operators: Sequence[Operator],
    stages: Sequence[str],
    parameter_shapes: Mapping[str, Shape],
    views: bool = True,
) -> Graph:
    """Build the graph of a model's operators.

    Args:
        name: the name of the graph.
        inputs: what the model was given; the first one's leading size is the batch.
        operators: the calls, in the order of running.
        stages: the paths of the modules that make up the model at the coarsest useful level.
        parameter_shapes: the shapes of the parameters, by name.
        views: whether operators that move no data are nodes; without them their readers take what they view.
    """
    first = inputs[0].shape if inputs else ()
    batch = first[0] if first else 1
    kept: dict[int, str] = {}
    nodes = []
    seen: set[str] = set()
    for number, operator in enumerate(operators):
        sources = tuple(INPUT if i < 0 else kept[i] for i in operator.inputs)
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
                weights={name.removeprefix(f"{operator.module}."): parameter_shapes[name] for name in fresh},
                buffers={},
                macs=operator.macs,
                other=operator.operations - 2 * operator.macs,
                activations=operator.activations,
            )
        )
    return Graph(name, _without_batch(first, batch), tuple(nodes))


def _without_batch(shape: Shape, batch: int) -> Shape:
    return shape[1:] if len(shape) > 1 and shape[0] == batch else shape


def _stage(module: str, stages: Sequence[str]) -> str:
    """Return the stage that a module lies in; what lies between stages belongs to its own top module."""
    for stage in stages:
        if module == stage or module.startswith(f"{stage}."):
            return stage
    return module.partition(".")[0] or "model"


def _block(module: str, stage: str) -> str:
    """Return the part of the stage that a module lies in."""
    inside = module.removeprefix(stage).lstrip(".").partition(".")[0]
    return f"{stage}.{inside}" if inside else stage
