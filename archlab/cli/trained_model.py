"""A trained model that a command names: a text with a file of weights, or whatever ``archlab lift`` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


def read_trained(
    model: str,
    weights: Path | None,
    sets: Sequence[str],
    inputs: Sequence[str],
    data: Path,
    labelled: bool,
    trust: bool,
) -> tuple[str, str, Path | Mapping[str, Tensor]]:
    """Return a model's name, its text without holes, and its weights: a file, or a state dict by the text's names.

    Args:
        sets: what fills the holes of a text.
        inputs: the sizes of the input, where they are not the model's own.
        data: images whose classes are a text's outputs, where they are ``labelled``.
        trust: whether a .pt2 may run code.

    Raises:
        InputError: a text without weights, or a lifted model with ``sets``.
        ArchlabError: the text is no architecture, or the model cannot be lifted.
    """
    from archlab.resources import find_architecture, shipped_spaces

    if model not in shipped_spaces() and not model.endswith(".arch"):
        if sets:
            raise InputError("--set fills holes of a text, and this model is lifted", hint="leave it out")
        from archlab.lift.lift_target import lift_target

        lifted = lift_target(model, inputs, trust=trust, weights=weights)
        return lifted.written.name, lifted.text, lifted.state_dict()
    if weights is None:
        raise InputError(f"{model} is a text, which has no weights", hint="name them with --weights")
    from archlab.elaborate import Fixed, Interpreter, fill_holes, load, parse_values
    from archlab.grammar import parse_file, unparse, with_input, with_outputs

    architecture = with_input(parse_file(find_architecture(model)), inputs[0] if inputs else None)
    if labelled:
        from archlab.train import find_images

        architecture = with_outputs(architecture, len(find_images(data).classes))
    space = load(architecture)
    network = Interpreter(space).network(Fixed(parse_values(sets)))
    return network.name, unparse(fill_holes(space, network)), weights
