"""The operators as modules, with the constructors of torchvision's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from archlab.errors import did_you_mean
from archlab.roi.fx_leaves import fx_leaf
from archlab.roi.geometry import RoIError
from archlab.roi.multiscale import infer_strides, multiscale_roi_align
from archlab.roi.single_scale import roi_align, roi_pool


@fx_leaf
def pool_named(
    x: Mapping[str, Tensor],
    boxes: Tensor | Sequence[Tensor],
    image_shapes: Sequence[tuple[int, int]],
    names: Sequence[str],
    strides: Sequence[float | Sequence[float]] | None,
    **numbers: Any,
) -> Tensor:
    """Align boxes on the maps of these names; without strides, on those inferred from the images' sizes.

    Raises:
        RoIError: a name that is not among the maps, and all that :func:`archlab.roi.multiscale_roi_align` refuses.
    """
    for name in names:
        if name not in x:
            raise RoIError(f"no feature map is named {name!r}", hint=did_you_mean(str(name), map(str, x)))
    features = [x[name] for name in names]
    if strides is None:
        strides = infer_strides(features, image_shapes)
    return multiscale_roi_align(features, boxes, strides=strides, **numbers)


class RoIAlign(nn.Module):
    """:func:`archlab.roi.roi_align` with its numbers fixed; ``torchvision.ops.RoIAlign`` with a mode."""

    def __init__(
        self,
        output_size: int | Sequence[int],
        spatial_scale: float | Sequence[float],
        sampling_ratio: int,
        aligned: bool = False,
        mode: str = "avg",
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned
        self.mode = mode

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        """Map (N, C, H, W) and boxes to (K, C, P, Q)."""
        return roi_align(
            input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned, self.mode
        )

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned}, mode={self.mode!r}"
        )


class RoIPool(nn.Module):
    """:func:`archlab.roi.roi_pool` with its numbers fixed; ``torchvision.ops.RoIPool`` with a mode."""

    def __init__(
        self, output_size: int | Sequence[int], spatial_scale: float | Sequence[float], mode: str = "caffe"
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.mode = mode

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        """Map (N, C, H, W) and boxes to (K, C, P, Q)."""
        return roi_pool(input, rois, self.output_size, self.spatial_scale, self.mode)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, mode={self.mode!r}"


class MultiScaleRoIAlign(nn.Module):
    """RoI align over named pyramid levels; ``torchvision.ops.MultiScaleRoIAlign`` with strides and modes.

    Args:
        featmap_names: the levels to read from the forward's dict, in any order.
        output_size, sampling_ratio: as in :func:`archlab.roi.roi_align`.
        canonical_scale, canonical_level, assignment: as in :func:`archlab.roi.multiscale_roi_align`.
        strides: per level; without them every forward infers them from ``image_shapes``.
        aligned, mode: as in :func:`archlab.roi.roi_align`.
    """

    def __init__(
        self,
        featmap_names: Sequence[str],
        output_size: int | Sequence[int],
        sampling_ratio: int,
        *,
        canonical_scale: float = 224,
        canonical_level: int = 4,
        strides: Sequence[float | Sequence[float]] | None = None,
        assignment: str = "torchvision",
        aligned: bool = False,
        mode: str = "avg",
    ) -> None:
        super().__init__()
        self.featmap_names = list(featmap_names)
        self.output_size = output_size
        self.sampling_ratio = sampling_ratio
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level
        self.strides = strides
        self.assignment = assignment
        self.aligned = aligned
        self.mode = mode

    def forward(
        self,
        x: Mapping[str, Tensor],
        boxes: Tensor | Sequence[Tensor],
        image_shapes: Sequence[tuple[int, int]] = (),
    ) -> Tensor:
        """Map named maps, boxes in input pixels and the images' (height, width) to (K, C, P, Q)."""
        return pool_named(
            x,
            boxes,
            image_shapes,
            self.featmap_names,
            self.strides,
            output_size=self.output_size,
            sampling_ratio=self.sampling_ratio,
            aligned=self.aligned,
            mode=self.mode,
            assignment=self.assignment,
            canonical_scale=self.canonical_scale,
            canonical_level=self.canonical_level,
        )

    def extra_repr(self) -> str:
        return (
            f"featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio}, mode={self.mode!r}"
        )
