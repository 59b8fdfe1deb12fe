"""Graph and weights to ONNX: one writer for every row of the table of operators, so that every name stays what it was.

Written here and not by tracing: the nodes are called by their paths, the initialisers by their state-dict keys, and a
network takes milliseconds. The batch is dynamic; height and width are the network's.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper
from torch import nn

from archlab.detector import NECK
from archlab.errors import BuildError
from archlab.exchange.onnx_writer import Writer
from archlab.exchange.operator_exports import OPERATOR_EXPORTS
from archlab.ir import INPUT, Graph, Shape

OPSET = 21
IR_VERSION = 10


def to_onnx(graph: Graph, module: nn.Module) -> onnx.ModelProto:
    """The ONNX model of ``graph`` with the weights of ``module`` (as ``archlab.nn.build`` made it), for inference.

    Its input is ``input`` (batch, C, H, W) and its output ``output``, or of a neck ``p2``, ``p3`` …; it is checked by
    ``onnx.checker``.

    Raises:
        BuildError: an operator has no writer, or a weight is missing.
    """
    writer = Writer(graph, {key: value.detach().cpu().numpy() for key, value in module.state_dict().items()})
    for node in graph:
        if node.op not in OPERATOR_EXPORTS:
            raise BuildError(f"{node.name}: there is no ONNX for the operator {node.op}")
        OPERATOR_EXPORTS[node.op].onnx(writer, node)
    outputs = dict(zip(output_names(graph), graph.outputs, strict=True))
    for name, node_name in outputs.items():
        writer.emit("Identity", name, [node_name], name)
    proto = helper.make_graph(
        writer.nodes,
        graph.name,
        [_value(INPUT, graph.input_shape)],
        [_value(name, graph.shape_of(node_name)) for name, node_name in outputs.items()],
        writer.initializers,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="archlab")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def output_names(graph: Graph) -> list[str]:
    """Return what the outputs are called: ``output``, or where there are several the parts that give them."""
    if len(graph.outputs) == 1:
        return ["output"]
    if graph[graph.outputs[0]].stage == NECK:
        return [graph[name].block.partition(".")[2] for name in graph.outputs]
    return [name.rpartition(".")[2] for name in graph.outputs]


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
