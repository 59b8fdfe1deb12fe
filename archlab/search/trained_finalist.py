"""A finalist's module, with the weights that its training has left."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch.fx import GraphModule

from archlab.detect.attach import SMALL
from archlab.detector import attach_detector, is_detector
from archlab.elaborate import graph_of
from archlab.grammar import parse
from archlab.nn import build
from archlab.nn.weight_files import load_state, put_state

CLASSES = "box_head.classes.weight"
"""A detector's tensor with a row for each class and the background."""


def build_finalist(text: str, weights: Path | None, seed: int) -> GraphModule:
    """Return the module of a finalist's text: with ``weights`` in evaluation, else as ``archlab.build`` makes it.

    A text without a box head that was trained as a detector gets the neck and head that it was trained with.

    Raises:
        InputError: the file of weights cannot be read, or is another network's.
    """
    graph = graph_of(parse(text))
    if weights is None:
        return build(graph, seed)
    state = load_state(weights)
    if CLASSES in state and not is_detector(graph):
        graph = attach_detector(graph, dataclasses.replace(SMALL, classes=len(state[CLASSES]) - 1))
    module = build(graph, seed).eval()
    put_state(module, state, str(weights))
    return module
