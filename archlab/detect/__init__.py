"""Detectors from the grammar: a feature pyramid and an RoI head on any backbone.

Nothing here imports torch before a name is used that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from archlab.detect.attach import attach
from archlab.detector import (
    DetectorSpec,
    Level,
    attach_head,
    attach_neck,
    backbone_of,
    is_detector,
    levels_of,
    neck_strides,
    spec_of,
    without_head,
)

if TYPE_CHECKING:
    from archlab.detect.faster_rcnn import torchvision_model

__all__ = [
    "DetectorSpec",
    "Level",
    "attach",
    "attach_head",
    "attach_neck",
    "backbone_of",
    "is_detector",
    "levels_of",
    "neck_strides",
    "spec_of",
    "torchvision_model",
    "without_head",
]

_HOMES = {"torchvision_model": "archlab.detect.faster_rcnn"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
