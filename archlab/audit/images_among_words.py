"""Models of transformers that take images among their words: how many positions an image fills, found by running it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from archlab.audit.input_spec import TensorSpec
from archlab.audit.tracing.forward import run_forward
from archlab.errors import AuditError
from archlab.user_prints import prints_on_stderr

WORDS_ALONE = (
    "It is called with words alone, so what sees images does not run: describe a call that has one with --input."
)

_FOUND: ContextVar[list[int]] = ContextVar("found")
"""Where a forward says what it has found: all that can be reached from a model is put back after it."""


def positions_of_image(model: nn.Module, image: TensorSpec) -> int | None:
    """Return how many positions among the words one image fills; None where the model does not tell.

    Args:
        image: one image, of shape (1, channels, height, width).
    """
    method = getattr(model, "get_image_features", None)
    if method is None or "pixel_values" not in inspect.signature(method).parameters:
        return None
    found: list[int] = []
    token = _FOUND.set(found)
    try:
        return found[0] if _runs(_Seeing(model, method), {"pixel_values": image}) and found[0] > 0 else None
    finally:
        _FOUND.reset(token)


def can_be_called(model: nn.Module, given: Mapping[str, Any]) -> bool:
    """Whether a forward with these arguments runs without data."""
    return _runs(model, given)


class _Seeing(nn.Module):
    """The part of a model that sees."""

    def __init__(self, model: nn.Module, method: Any) -> None:
        super().__init__()
        self.model = model
        self.method = method

    def forward(self, pixel_values: Tensor) -> None:
        features = self.method(pixel_values=pixel_values)
        features = getattr(features, "pooler_output", features)
        parts = features if isinstance(features, list | tuple) else [features]
        _FOUND.get().append(sum(math.prod(part.shape[:-1]) for part in parts))


def _runs(model: nn.Module, given: Mapping[str, Any]) -> bool:
    made = {name: value.make("meta") if isinstance(value, TensorSpec) else value for name, value in given.items()}
    try:
        with prints_on_stderr(), torch.device("cpu"):
            return run_forward(model, (), made, real=False).meta
    except AuditError:
        return False
