"""The models of torchvision and timm: how each is built with random weights, and what each is called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from archlab.audit.input_spec import InputSpec, TensorSpec, images

DETECTION_SIZE = 800
SEGMENTATION_SIZE = 520
FLOW_SIZE = (512, 512)
FRAMES = 16


def torchvision_factory(name: str, kwargs: Mapping[str, Any]) -> Callable[[], Any]:
    """Return what builds ``torchvision.models.NAME(**kwargs)`` without weights, in any of its parts."""

    def make() -> Any:
        from torchvision import models

        taken = inspect.signature(models.get_model_builder(name)).parameters
        given: dict[str, Any] = {"weights": None, **kwargs}
        if "weights_backbone" in taken:
            given.setdefault("weights_backbone", None)
        if name in ("inception_v3", "googlenet"):
            given.setdefault("init_weights", False)  # which would take seconds, and warn
        if name.endswith("googlenet"):
            given.setdefault("aux_logits", False)  # which the published one is without
        if "aux_loss" in taken:
            given.setdefault("aux_loss", True)  # which the published ones have
        return models.get_model(name, **given)

    return make


def torchvision_inputs(name: str) -> Callable[[Any, int], InputSpec]:
    """Return what torchvision's model is called with: as its weights are, for which its ``_ops`` are published."""

    def inputs(model: Any, batch: int) -> InputSpec:
        from torchvision import models

        weights = next(iter(models.get_model_weights(name)), None)
        kind = getattr(weights.transforms, "func", weights.transforms) if weights is not None else None
        settings = getattr(weights.transforms, "keywords", {}) if weights is not None else {}
        size = getattr(model, "image_size", None) or settings.get("crop_size", 224)
        match kind.__name__ if kind is not None else "":
            case "ObjectDetection":
                image = TensorSpec((3, *_detection_size(model)))
                return InputSpec(([image] * batch,))
            case "SemanticSegmentation":
                return images((3, SEGMENTATION_SIZE, SEGMENTATION_SIZE), batch=batch)
            case "OpticalFlow":
                return images((3, *FLOW_SIZE), (3, *FLOW_SIZE), batch=batch)
            case "VideoClassification":
                return images((3, FRAMES, *_pair(size)), batch=batch)
            case _:
                return images((3, *_pair(size)), batch=batch)

    return inputs


def _detection_size(model: Any) -> tuple[int, int]:
    """Return 800x800, or the size to which the model brings every image."""
    fixed = getattr(model.transform, "fixed_size", None)
    if fixed is not None:
        return int(fixed[1]), int(fixed[0])
    side = min(DETECTION_SIZE, max(model.transform.min_size))
    return side, side


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


def timm_factory(name: str, kwargs: Mapping[str, Any]) -> Callable[[], Any]:
    """Return what builds ``timm.create_model(NAME, **kwargs)`` without weights."""

    def make() -> Any:
        import timm

        return timm.create_model(name, pretrained=False, **kwargs)

    return make


def timm_inputs(model: Any, batch: int) -> InputSpec:
    """Return images of the size in the model's own configuration."""
    config = getattr(model, "pretrained_cfg", None) or {}
    shape = tuple(config.get("input_size") or (3, 224, 224))
    embed = getattr(model, "patch_embed", None)
    fixed = getattr(embed, "img_size", None)
    if isinstance(fixed, tuple) and getattr(embed, "strict_img_size", True):
        shape = (shape[0], *fixed)
    return images(shape, batch=batch)
