"""What the file of a trained proposal network says of its detector besides weights: classes, and anchors' size."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.errors import InputError

FORMAT = "archlab.proposals/1"
"""Under which the file says it all, as JSON."""


@dataclass(frozen=True, slots=True)
class ProposalsFile:
    """Names of a detector's classes, label 1 first, and its anchors' side in strides."""

    classes: tuple[str, ...]
    anchor_scale: float


def proposals_metadata(classes: Sequence[str], anchor_scale: float) -> dict[str, str]:
    """Return what to write."""
    return {FORMAT: json.dumps({"classes": list(classes), "anchor_scale": anchor_scale})}


def read_proposals_metadata(told: Mapping[str, str], source: str) -> ProposalsFile:
    """Return what a file says.

    Args:
        source: the file, for the message.

    Raises:
        InputError: it says nothing of a detector, or not as ``proposals_metadata`` writes it.
    """
    try:
        said = json.loads(told[FORMAT])
        classes, scale = said["classes"], said["anchor_scale"]
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("classes are no names")
        if not isinstance(scale, int | float) or not 0 < scale < math.inf:
            raise ValueError("the anchors have no size")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{source} does not say what its detector looks for: {str(error)[:80]}",
            hint="give the weights of a detector that archlab search trained (--train-top), of this version",
        ) from error
    return ProposalsFile(tuple(classes), float(scale))
