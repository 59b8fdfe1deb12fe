"""The text of whatever a command is given: a shipped name or a file has one, a model is lifted."""

from __future__ import annotations

import os
from collections.abc import Sequence

from archlab.grammar.ast import Architecture

_EXPORTED = (".pt2", ".onnx")


def is_text(target: str) -> bool:
    """Return whether ``target`` names a text, and no model that would have to be lifted."""
    from archlab.resources import shipped_spaces

    if target in shipped_spaces() or target.endswith(".arch"):
        return True
    return not target.endswith(_EXPORTED) and (os.path.isfile(target) or ":" not in target)


def text_of(target: str, inputs: Sequence[str] = (), trust: bool = False) -> Architecture:
    """Return the architecture that ``target`` names, or the one that its model is lifted to.

    Args:
        target: a shipped name, an ``.arch`` file, or a model as ``archlab audit`` takes it.
        inputs: of a model, as ``--input`` describes them; without, its own.
        trust: whether an exported program may run code when it is read.

    Raises:
        ArchlabError: it names nothing, or what it names cannot be read, or cannot be lifted.
    """
    from archlab.grammar import parse, parse_file
    from archlab.resources import find_architecture

    if is_text(target):
        return parse_file(find_architecture(target))
    from archlab.lift.lift_target import lift_target  # imports torch

    return parse(lift_target(target, inputs, trust=trust).text, target)
