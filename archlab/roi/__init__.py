"""RoI pooling and RoI align: torchvision's names, with more modes, dtypes, derivatives and guarantees.

Nothing here imports torch before a name that needs it is used: ``roi_align_macs``, ``roi_align_bytes`` and
``fvcore_handles`` are free of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archlab.roi.boxes import assign_levels
    from archlab.roi.counting import fvcore_handles, roi_align_bytes, roi_align_macs
    from archlab.roi.geometry import RoIError
    from archlab.roi.multiscale import infer_strides, multiscale_roi_align
    from archlab.roi.onnx_export import onnx_translation_table, to_onnx
    from archlab.roi.roi_modules import MultiScaleRoIAlign, RoIAlign, RoIPool
    from archlab.roi.single_scale import roi_align, roi_pool
    from archlab.roi.torchvision_pools import for_torchvision

__all__ = [
    "MultiScaleRoIAlign",
    "RoIAlign",
    "RoIError",
    "RoIPool",
    "assign_levels",
    "for_torchvision",
    "fvcore_handles",
    "infer_strides",
    "multiscale_roi_align",
    "onnx_translation_table",
    "roi_align",
    "roi_align_bytes",
    "roi_align_macs",
    "roi_pool",
    "to_onnx",
]

_HOMES = {
    "boxes": ("assign_levels",),
    "counting": ("fvcore_handles", "roi_align_bytes", "roi_align_macs"),
    "geometry": ("RoIError",),
    "multiscale": ("infer_strides", "multiscale_roi_align"),
    "onnx_export": ("onnx_translation_table", "to_onnx"),
    "roi_modules": ("MultiScaleRoIAlign", "RoIAlign", "RoIPool"),
    "single_scale": ("roi_align", "roi_pool"),
    "torchvision_pools": ("for_torchvision",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"archlab.roi.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
