"""Detectors as graphs, in closed form: the levels that a backbone gives, and the neck and box head that go onto them.

Nothing here imports torch. ``archlab.detect`` offers all of it, and the torch side.
"""

from archlab.detector.grow import prune
from archlab.detector.head import OUTPUTS, head_nodes
from archlab.detector.levels import Level, level_name, levels_of
from archlab.detector.lifetime import elements_alive
from archlab.detector.neck import BOX_HEAD, NECK, attach_neck, neck_nodes, output_of
from archlab.detector.spec import DetectorSpec, default_levels
from archlab.detector.whole import (
    OWN_STAGES,
    attach_detector,
    attach_head,
    backbone_of,
    is_detector,
    neck_strides,
    spec_of,
    without_head,
)

__all__ = [
    "BOX_HEAD",
    "NECK",
    "OUTPUTS",
    "OWN_STAGES",
    "DetectorSpec",
    "Level",
    "attach_detector",
    "attach_head",
    "attach_neck",
    "backbone_of",
    "default_levels",
    "elements_alive",
    "head_nodes",
    "is_detector",
    "level_name",
    "levels_of",
    "neck_nodes",
    "neck_strides",
    "output_of",
    "prune",
    "spec_of",
    "without_head",
]
