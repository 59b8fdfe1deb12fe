"""What the source gives at the sampled places: as it was noted, or run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from archlab.carry.forward import Forward
from archlab.carry.patches import Places, at_places, of_first, sample_places
from archlab.carry.statistics import Statistics
from archlab.ir import Graph, Shape


class Originals:
    """The values of the source that layers are fitted to.

    Where ``known`` has noted them on these images, or on more of which these are the first, nothing is run, and the
    places are those that were noted.
    """

    def __init__(
        self,
        base: nn.Module,
        source: Graph,
        images: Tensor,
        wanted: Iterable[str],
        known: Statistics | None,
        rows: int,
        seed: int,
    ) -> None:
        """``wanted`` has each value by its operator's name as often as it will be released."""
        self._images, self._rows, self._seed = len(images), rows, seed
        self._sampled = self._images
        self._noted: Mapping[str, Tensor] = {}
        if known is not None and known.has_noted(images, rows, seed):
            self._sampled, self._noted = len(known.images), known.given
        self._run = Forward(base.eval(), source, images, keep=[name for name in wanted if name not in self._noted])

    def places(self, shape: Shape) -> Places | None:
        """Return the places of a map (C, H, W) that are sampled; None where it is a vector."""
        if len(shape) != 3:
            return None
        return of_first(sample_places(self._sampled, shape, self._rows, self._seed), self._images)

    def at(self, name: str, places: Places | None) -> Tensor:
        """Return a value at places that ``places`` gave, (rows, C)."""
        if name in self._noted:
            return self._noted[name][: self._images if places is None else len(places[0])]
        return at_places(self._run.run_to(name), places)

    def release(self, name: str) -> None:
        """Say that a value was used once more."""
        if name not in self._noted:
            self._run.run_to(name)
            self._run.release(name)
