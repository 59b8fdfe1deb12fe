"""What is folded in a drawing."""

from __future__ import annotations

from archlab.elaborate import elaborate
from archlab.grammar.parse import parse_file
from archlab.report.diagram_cards import stages_of
from archlab.report.operator_labels import operator_label
from archlab.resources import shipped_spaces


def test_equal_blocks_are_drawn_once_and_light_operators_join_their_convolution():
    graph = elaborate(parse_file(shipped_spaces()["resnet50"])).graph
    stage = stages_of(graph)[1]
    assert [card.names for card in stage.cards] == [("stage1.0",), ("stage1.1", "stage1.2")]
    labels = [[operator_label(node) for node in box.nodes] for box in stage.cards[1].boxes]
    assert labels == [
        ["conv 1×1", "bn", "relu"],
        ["conv 3×3", "bn", "relu"],
        ["conv 1×1", "bn"],
        ["add", "relu"],
    ]
    assert sum(card.macs * len(card.names) for s in stages_of(graph) for card in s.cards) == 4_089_184_256
