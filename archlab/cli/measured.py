"""What suggested rewritings keep of a trained network, for the commands that list them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.cli.messages import say

if TYPE_CHECKING:
    from archlab.shrink.read_model import TrainedModel
    from archlab.shrink.request import Pixels
    from archlab.what_if.kept import Kept
    from archlab.what_if.suggest import Suggestion


def measured_on(
    model: TrainedModel,
    data: Path,
    labelled: bool,
    pixels: Pixels,
    found: Sequence[Suggestion],
    tell: Callable[[str], None],
) -> Kept:
    """Return what rewritings of a trained network keep on images.

    Args:
        labelled: whether the images' labels are its classes.
        pixels: what they are normalised by, as the options say it.
        tell: is told what is being done.

    Raises:
        InputError: the weights or the images cannot be used.
    """
    from archlab.shrink.rewritings import measure_rewritings
    from archlab.shrink.trained import read_trained

    trained = read_trained(model, data, labelled=labelled, pixels=pixels, note=say, progress=tell)
    return measure_rewritings(trained, found, tell)
