"""What the shipped networks are made of, counted in their papers and not by running: see the comment on each."""

from __future__ import annotations

import pytest

from archlab.elaborate import elaborate
from archlab.resources import shipped_spaces
from archlab.structure import find_structure

CLASSIFIER = {"global pooling": 1, "linear layer": 1}

SHUFFLENET_V2 = {"standard convolution": 1, "pointwise convolution": 1, "shuffle unit v2": 16, "pooling": 1}

EXPECTED = {
    # Krizhevsky 2014: five convolutions, three of them with a pooling, three linear layers; torch's adaptive pooling.
    "alexnet": {"standard convolution": 5, "pooling": 3, "linear layer": 3, "operator": 1},
    # Krizhevsky et al. 2012, figure 2: layers 2, 4 and 5 read the maps of their own GPU alone.
    "alexnet_2group": {"standard convolution": 2, "grouped convolution": 3, "pooling": 3, "linear layer": 3},
    # Simonyan and Zisserman 2014, table 1, column D: 13 of 3x3. Two in a row are no factorised 5x5 for certain.
    "vgg16": {"standard convolution": 13, "pooling": 5, "linear layer": 3, "operator": 1},
    # The same with the first pair of each of five stages as one: 1 + 1 + 2 + 2 + 2.
    "vgg16_5x5": {"standard convolution": 8, "pooling": 5, "linear layer": 3, "operator": 1},
    # He et al. 2015, table 1: 2 + 2 + 2 + 2 blocks of two 3x3, behind a 7x7.
    "resnet18": {"standard convolution": 17, "residual": 8, "pooling": 1, **CLASSIFIER},
    # The same table: 3 + 4 + 6 + 3.
    "resnet50": {"standard convolution": 1, "bottleneck": 16, "pooling": 1, **CLASSIFIER},
    # Xie et al. 2016, table 1: as ResNet-50, in groups.
    "resnext50_32x4d": {"standard convolution": 1, "bottleneck": 16, "pooling": 1, **CLASSIFIER},
    # Radosavovic et al. 2020: depth 22 (1, 2, 7, 12), and with SE depth 16 (1, 3, 6, 6).
    "regnet_x_400mf": {"standard convolution": 1, "bottleneck": 22, **CLASSIFIER},
    "regnet_y_400mf": {"standard convolution": 1, "bottleneck": 16, "squeeze-excite": 16, **CLASSIFIER},
    # Howard et al. 2017, table 1: 13 depthwise convolutions, each with a 1x1.
    "mobilenet_v1": {"standard convolution": 1, "depthwise separable": 13, **CLASSIFIER},
    # Sandler et al. 2018, table 2: 1 + 2 + 3 + 4 + 3 + 3 + 1 bottlenecks; with t = 1 the first does not expand.
    "mobilenet_v2": {
        "standard convolution": 1,
        "pointwise convolution": 1,
        "depthwise separable": 1,
        "inverted bottleneck": 16,
        **CLASSIFIER,
    },
    # Howard et al. 2019, table 1: 15 bnecks, the first of which expands 16 to 16; SE in 3 + 2 + 3 of them.
    "mobilenet_v3_large": {
        "standard convolution": 1,
        "pointwise convolution": 1,
        "depthwise separable": 1,
        "inverted bottleneck": 14,
        "squeeze-excite": 8,
        "global pooling": 1,
        "linear layer": 2,
    },
    # Tan et al. 2018, figure 7 without SE: SepConv, then MBConv 3 + 3 + 3 + 2 + 4 + 1.
    "mnasnet1_0": {
        "standard convolution": 1,
        "pointwise convolution": 1,
        "depthwise separable": 1,
        "inverted bottleneck": 16,
        **CLASSIFIER,
    },
    # Tan and Le 2019, table 1: MBConv1 once, MBConv6 2 + 2 + 3 + 3 + 4 + 1 times, all with SE.
    "efficientnet_b0": {
        "standard convolution": 1,
        "pointwise convolution": 1,
        "depthwise separable": 1,
        "inverted bottleneck": 15,
        "squeeze-excite": 16,
        **CLASSIFIER,
    },
    # Liu et al. 2022, table 9: 3 + 3 + 9 + 3 blocks; the 4x4 of the stem and three 2x2 between the stages.
    "convnext_tiny": {"standard convolution": 4, "inverted bottleneck": 18, **CLASSIFIER},
    # Huang et al. 2016, table 1: 6 + 12 + 24 + 16 layers; three transitions of a 1x1 and a pooling.
    "densenet121": {
        "standard convolution": 1,
        "pointwise convolution": 3,
        "dense layer": 58,
        "pooling": 4,
        **CLASSIFIER,
    },
    # Iandola et al. 2016, table 1: fire2 to fire9.
    "squeezenet1_1": {
        "standard convolution": 1,
        "pointwise convolution": 1,
        "fire module": 8,
        "pooling": 3,
        "global pooling": 1,
    },
    # Szegedy et al. 2014, table 1: nine modules of four branches, in which a 1x1 (beside, before and behind) stands
    # four times, a larger window twice, a pooling once; before them 7x7, 1x1 and 3x3; four poolings between.
    "googlenet": {
        "standard convolution": 2 + 9 * 2,
        "pointwise convolution": 1 + 9 * 4,
        "inception module": 9,
        "inception branch": 9 * 4,
        "pooling": 4 + 9,
        **CLASSIFIER,
    },
    # Szegedy et al. 2015, table 1 and figures 5 to 7 and 10: modules 3 A, 1 reduction, 4 C, 1 reduction, 2 E. Pairs:
    # one 3x3-3x3 in each A and the first reduction; three of 1x7 and 7x1 in each C, one in the second reduction.
    # In each E a 1x3 stands beside a 3x1 twice, which is no kind of its own.
    "inception_v3": {
        "standard convolution": 4 + 3 * 1 + 1 + 2 + 2 * (1 + 2 * 2),
        "pointwise convolution": 1 + 3 * 4 + 1 + 4 * 4 + 2 + 2 * 4,
        "inception module": 11,
        "inception branch": 3 * 4 + 3 + 4 * 4 + 3 + 2 * 4,
        "factorised pair": 3 + 1 + 4 * 3 + 1,
        "pooling": 2 + 11,
        "unplaced": 2 * 2,
        **CLASSIFIER,
    },
    # Zhang et al. 2017, table 1: 4 + 8 + 4 units.
    "shufflenet_v1_g3": {"standard convolution": 1, "shuffle unit v1": 16, "pooling": 1, **CLASSIFIER},
    # Ma et al. 2018, table 5: 4 + 8 + 4 units at every width, and a last 1x1.
    "shufflenet_v2": {**SHUFFLENET_V2, **CLASSIFIER},
    "shufflenet_v2_x0_5": {**SHUFFLENET_V2, **CLASSIFIER},
    "shufflenet_v2_x1_0": {**SHUFFLENET_V2, **CLASSIFIER},
    # Chollet 2016, figure 5: twelve modules with a shortcut; separable 2 x 3 at the entry, 8 x 3, 2 + 2 at the exit.
    "xception": {
        "standard convolution": 2,
        "depthwise separable": 2 * 3 + 8 * 3 + 2 + 2,
        "residual": 12,
        "pooling": 4,
        **CLASSIFIER,
    },
}

SHORTCUTS = {
    "resnet18": {"identity": 5, "projected": 3},  # the widths change three times
    "resnet50": {"identity": 12, "projected": 4},  # and from 64 to 256 before
    "resnext50_32x4d": {"identity": 12, "projected": 4},
    "regnet_x_400mf": {"identity": 18, "projected": 4},
    "regnet_y_400mf": {"identity": 12, "projected": 4},
    "mobilenet_v2": {"identity": 17 - 7},  # all but the first of each row of the table
    "mobilenet_v3_large": {"identity": 1 + 1 + 2 + 3 + 1 + 2},  # where neither stride nor width changes
    "mnasnet1_0": {"identity": 16 - 6},
    "efficientnet_b0": {"identity": 16 - 7},
    "convnext_tiny": {"identity": 18},
    "shufflenet_v1_g3": {"identity": 3 + 7 + 3},
    "xception": {"identity": 8, "projected": 4},
    "densenet121": {},
    "vgg16": {},
}

STAGES = {  # blocks of the stem, of each stage, and of the head
    "resnet50": [("stem", 2), ("stage 1", 3), ("stage 2", 4), ("stage 3", 6), ("stage 4", 3), ("head", 2)],
    "mobilenet_v2": [
        *(("stem", 1), ("stage 1", 1), ("stage 2", 2), ("stage 3", 3), ("stage 4", 4 + 3), ("stage 5", 3 + 1)),
        ("head", 3),
    ],
    # A transition's 1x1 has the old resolution, its pooling the new one.
    "densenet121": [
        *(("stem", 2), ("stage 1", 6 + 1), ("stage 2", 1 + 12 + 1), ("stage 3", 1 + 24 + 1), ("stage 4", 1 + 16)),
        ("head", 2),
    ],
    "vgg16": [
        *(("stage 1", 2), ("stage 2", 1 + 2), ("stage 3", 1 + 3), ("stage 4", 1 + 3), ("stage 5", 1 + 3 + 1)),
        ("head", 4),
    ],
    "inception_v3": [("stem", 7), ("stage 1", 3), ("stage 2", 5), ("stage 3", 3), ("head", 2)],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_how_many_blocks_of_each_kind(name: str):
    assert find_structure(elaborate(name).graph).counts() == EXPECTED[name]


@pytest.mark.parametrize("name", SHORTCUTS)
def test_how_many_shortcuts(name: str):
    assert find_structure(elaborate(name).graph).shortcuts() == SHORTCUTS[name]


@pytest.mark.parametrize("name", STAGES)
def test_sections(name: str):
    sections = find_structure(elaborate(name).graph).sections
    assert [(section.name, len(section.blocks)) for section in sections] == STAGES[name]


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_operator_stands_in_one_block_and_no_cost_is_lost(name: str):
    graph = elaborate(name).graph
    structure = find_structure(graph)
    assert sorted(node for block in structure.blocks for node in block.nodes) == sorted(graph.names)
    for cost in ("params", "macs"):
        assert sum(getattr(block, cost) for block in structure.blocks) == sum(getattr(node, cost) for node in graph)
    for block in structure.blocks:
        for outer in block.walk():
            assert {node for part in outer.inside for node in part.nodes} <= set(outer.nodes)
