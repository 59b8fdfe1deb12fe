"""What a search is told of detection: its data and how long finalists are trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from archlab.detect.data_source import Source

TRAIN = "train"
"""The objective that is a whole training, worth its AP."""

TRAIN_STEPS = 750


@dataclass(frozen=True, slots=True)
class Task:
    """Detection data for a search's objectives.

    Attributes:
        source: training and validation data.
        steps: how many steps ``train`` trains.
    """

    source: Source = field(default_factory=Source)
    steps: int = TRAIN_STEPS

    @property
    def digest(self) -> str:
        """What must be the same for a study to be resumed, and at every worker."""
        return f"{self.source.digest}, {self.steps} steps"
