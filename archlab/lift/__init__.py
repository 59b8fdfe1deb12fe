"""From an existing model to a readable text of the same network, and back.

This file imports torch only when something is lifted: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from archlab.lift.lifted import Lifted

__all__ = ["lift"]


def lift(
    model: nn.Module, inputs: Any, name: str | None = None, output: str | None = None, *, opaque: bool = False
) -> Lifted:
    """Return the text of a torch model, with the mapping of every parameter and buffer.

    The model runs once without data, in evaluation mode, and is left as it was. The text is verified: it is elaborated,
    has the model's parameters and MACs to the unit and the same wiring, and where the model has data both run, with the
    model's weights in the text's module, and the outputs are compared. A text that does not pass is an error.

    Args:
        model: any module that takes one batch of images and returns a tensor, or several of which ``output`` is one.
        inputs: what it is called with: a shape such as ``(1, 3, 224, 224)`` or ``"3x224x224"``, or a tensor.
        name: what to call the network; by default the model's class.
        output: the key of the output to lift, where the model returns several.
        opaque: whether what cannot be said stays as it is: the smallest module that contains it, takes one tensor and
            gives one is an ``opaque`` of the text, with its cost; ``Lifted.originals`` has these modules.

    Raises:
        LiftError: it cannot be said in the language; the message has the places, operators and reasons.
        AuditError: its forward fails.
        InputError: an argument is wrong.

    >>> import torchvision
    >>> lifted = lift(torchvision.models.resnet18(), (1, 3, 64, 64))
    >>> lifted.params, lifted.difference
    (11689512, 0.0)
    """
    from archlab.lift.lift_model import lift_model

    return lift_model(model, (inputs,), name, output, opaque)
