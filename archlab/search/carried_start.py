"""Trained weights as the backbone of a candidate's detector starts from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from archlab.detect.training_plan import Init
from archlab.detector import backbone_of
from archlab.detector.grow import prune
from archlab.elaborate import elaborate
from archlab.errors import ArchlabError, InputError
from archlab.grammar import parse, with_input
from archlab.ir import Graph

if TYPE_CHECKING:
    from torch import Tensor


def start_of(init: Init, graph: Graph) -> dict[str, Tensor]:
    """Return the state of the backbone of ``graph``, a candidate's, filled from ``init``.

    The same network has its weights to the bit; a narrower or shallower one has them as ``archlab.carry`` carries them.

    Raises:
        InputError: the weights are not those of their text, or the backbone is no draw of the same space.
    """
    from archlab.carry import carry
    from archlab.nn import build, part_of
    from archlab.nn.weight_files import load_weights

    target = backbone_of(graph)
    shape = "x".join(map(str, graph.input_shape))
    source = elaborate(with_input(parse(init.text), shape)).graph
    whole = build(source)
    load_weights(whole, init.weights)
    stages = {node.stage for node in target}
    nodes = tuple(node for node in source if node.stage in stages)
    if not nodes or {node.stage for node in nodes} != stages:
        theirs = ", ".join(dict.fromkeys(node.stage for node in source))
        raise InputError(
            f"{init.weights} cannot start {graph.name}: its network has the stages {theirs}, and the backbone "
            f"{', '.join(dict.fromkeys(node.stage for node in target))}",
            hint="search a space whose backbone is that network's, or smaller draws of it",
        )
    ends = prune(dataclasses.replace(source, nodes=nodes, outputs=(nodes[-1].name,)))
    try:
        filled = carry(part_of(whole, ends), ends, target)
    except ArchlabError as error:
        raise InputError(f"{init.weights} cannot start {graph.name}: {error.message}", hint=error.hint) from error
    return dict(filled.module.state_dict())
