"""What an objective's number is, in a sentence for who has not asked for it."""

from __future__ import annotations

from archlab.cost import METRICS
from archlab.detect.data_source import TRAIN
from archlab.detect.scores import DETECTION_SCORES
from archlab.report.objectives_and_costs import Measure
from archlab.score import SCORES
from archlab.search.result import SearchResult


def meaning(name: str, result: SearchResult) -> str:
    """Return what the number of an objective is, without which way is better.

    >>> from archlab.search.result import SearchResult
    >>> meaning("macs", None)
    'MACs of one image, counted'
    """
    if name in SCORES:
        return f"a score of the untrained network, {SCORES[name].summary}; it is no accuracy"
    if name in DETECTION_SCORES:
        return f"a score of the untrained detector, {DETECTION_SCORES[name].summary}; it is no AP"
    if name == TRAIN:
        is_detector = result.data is not None
        return "AP on validation images after a training" if is_detector else "accuracy on images it was not trained on"
    if name in METRICS:
        metric = METRICS[name]
        return f"{metric.unit}, measured or predicted" if metric.measured else f"{metric.unit} of one image, counted"
    if name.endswith(".json"):
        return "what a calibration file makes of the network"
    if ":" in name:
        return "what your own function returns"
    return "a value that your own code gave"


def direction(measure: Measure) -> str:
    """Return which way is better."""
    return "higher is better" if measure.direction == "maximize" else "lower is better"
