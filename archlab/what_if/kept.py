"""What rewritings keep of a trained network, as it was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """What rewritings keep of a trained network, measured on held-out images.

    Attributes:
        original: the network's share of images that are right; of unlabelled ones 1, the agreement with itself.
        accuracy: that of each rewriting, in their order.
        images: how many there are.
        labelled: whether labels say what is right; else the network does.
    """

    original: float
    accuracy: tuple[float, ...]
    images: int
    labelled: bool

    @property
    def name(self) -> str:
        """What is measured: ``accuracy``, or ``agreement`` with the network."""
        return "accuracy" if self.labelled else "agreement"

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON, beside the rewritings in their order."""
        return {"measured": self.name, "images": self.images, "original": self.original, "kept": list(self.accuracy)}

    @property
    def line(self) -> str:
        """What the numbers are, in a sentence."""
        worst = min((self.original, *self.accuracy), key=lambda p: abs(p - 0.5))
        error = math.sqrt(worst * (1 - worst) / max(1, self.images))
        as_it_is = f"; as it is {100 * self.original:.2f} %" if self.labelled else " with the network as it is"
        return (
            f"{self.name}: measured on {self.images:,} held-out images, with the network's weights, refitted without "
            f"training{as_it_is}; a standard error is at most {100 * error:.2f} points"
        )
