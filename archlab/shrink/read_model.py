"""The trained network that a user names or holds, as a text without holes and its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.errors import InputError, quote
from archlab.resources import find_architecture, shipped_spaces

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archlab.ir import Graph


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network.

    Attributes:
        name: its own.
        text: without holes.
        weights: under the names of ``archlab.build`` of this text: a state dict, or the file of one.
    """

    name: str
    text: str
    weights: Path | Mapping[str, Tensor]


def read_named(
    model: str,
    weights: Path | None,
    data: Path,
    *,
    sets: Sequence[str] = (),
    inputs: Sequence[str] = (),
    labelled: bool = True,
    trust: bool = False,
) -> TrainedModel:
    """Read a shipped name or an ``.arch`` file with its weights, or lift any other model that ``archlab lift`` takes.

    Args:
        data: images, whose classes a text's last layer gets as outputs.

    Raises:
        InputError: a text has no weights, or values for holes are given of a model that has none.
        LiftError: the model cannot be said in the language.
    """
    if model not in shipped_spaces() and not model.endswith(".arch"):
        if sets:
            raise InputError("--set fills holes of a text, and this model is lifted", hint="leave it out")
        from archlab.lift.lift_target import lift_target

        lifted = lift_target(model, inputs, trust=trust, weights=weights)
        return TrainedModel(lifted.written.name, lifted.text, lifted.state_dict())
    if weights is None:
        raise InputError(f"{quote(model)} is a text, which has no weights", hint="name them with --weights")
    from archlab.elaborate import Fixed, Interpreter, fill_holes, load, parse_values
    from archlab.grammar import parse_file, unparse, with_input, with_outputs

    architecture = with_input(parse_file(find_architecture(model)), inputs[0] if inputs else None)
    if labelled:
        from archlab.train import find_images

        architecture = with_outputs(architecture, len(find_images(data).classes))
    space = load(architecture)
    network = Interpreter(space).network(Fixed(parse_values(sets)))
    return TrainedModel(network.name, unparse(fill_holes(space, network)), weights)


def read_module(model: nn.Module, inputs: Any) -> TrainedModel:
    """Lift a module that is in memory; ``inputs`` is what it is called with, as for ``archlab.lift``.

    Raises:
        LiftError: it cannot be said in the language.
    """
    from archlab.lift import lift

    lifted = lift(model, inputs)
    return TrainedModel(lifted.written.name, lifted.text, lifted.state_dict())


def built(model: TrainedModel) -> tuple[Graph, nn.Module]:
    """Return a trained network's operators, and its module with its weights, in evaluation.

    Raises:
        InputError: the weights cannot be read or are not the network's, or some are not finite.
    """
    from archlab.elaborate import elaborate
    from archlab.grammar import parse
    from archlab.nn import build
    from archlab.nn.weight_files import load_weights, put_state

    graph = elaborate(parse(model.text)).graph
    module = build(graph).eval()
    if isinstance(model.weights, Path):
        load_weights(module, model.weights)
    else:
        put_state(module, model.weights, model.name)
    _refuse_infinite(module, model)
    return graph, module


def _refuse_infinite(module: nn.Module, model: TrainedModel) -> None:
    for name, tensor in module.state_dict().items():
        if not bool(tensor.isfinite().all()):
            where = model.weights if isinstance(model.weights, Path) else model.name
            raise InputError(
                f"{where} has values in {name} that are not finite",
                hint="give the weights of a training that went well",
            )
