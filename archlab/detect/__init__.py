"""Detectors from the grammar: a feature pyramid and an RoI head on any backbone.

Nothing here imports torch before a name is used that needs it.
"""

from archlab.detect.attach import attach
from archlab.pyramid import (
    DetectorSpec,
    Level,
    attach_head,
    attach_neck,
    backbone_of,
    levels_of,
    neck_strides,
    without_head,
)

__all__ = [
    "DetectorSpec",
    "Level",
    "attach",
    "attach_head",
    "attach_neck",
    "backbone_of",
    "levels_of",
    "neck_strides",
    "without_head",
]
