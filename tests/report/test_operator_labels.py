"""How operators are written."""

from __future__ import annotations

from archlab.elaborate import elaborate
from archlab.grammar.parse import parse
from archlab.report.operator_labels import operator_label


def test_labels_say_stride_groups_and_depthwise():
    graph = elaborate(
        parse(
            "net n(input=8x9x9)\n"
            "a: conv2d(16, 3, s=2) -> conv2d(16, size(1, 3), g=4) -> depthwise(5) -> shuffle(2) -> maxpool(3, s=2)\n"
        )
    ).graph
    labels = [operator_label(node) for node in graph if node.op not in ("bn", "relu")]
    assert labels == ["conv 3×3 /2", "conv 1×3 g4", "depthwise 5×5", "shuffle g2", "maxpool 3×3 /2"]
