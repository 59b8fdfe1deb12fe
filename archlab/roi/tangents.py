"""The directions v_1 … v_n (n, K, 4) along which an operator is differentiated; None stands for no direction."""

from __future__ import annotations

import torch
from torch import Tensor


def with_direction(tangents: Tensor | None, direction: Tensor) -> Tensor:
    """Return the tangents (n + 1, K, 4), ``direction`` (K, 4) being the last."""
    return direction[None] if tangents is None else torch.cat([tangents, direction[None]])


def with_replaced(tangents: Tensor, i: int, direction: Tensor) -> Tensor:
    """Return the tangents with ``direction`` in the place of the i-th."""
    return torch.cat([tangents[:i], direction[None].to(tangents.dtype), tangents[i + 1 :]])


def without(tangents: Tensor, i: int) -> Tensor | None:
    """Return the tangents but the i-th; None where none is left."""
    return None if len(tangents) == 1 else torch.cat([tangents[:i], tangents[i + 1 :]])


def product_rule_terms(tangents: Tensor | None, d_boxes: Tensor | None, d_tangents: Tensor | None) -> list[Tensor]:
    """Return the tangents of each term in which the boxes or a direction move, by the product rule."""
    terms = []
    if d_boxes is not None:
        terms.append(with_direction(tangents, d_boxes[:, 1:]))
    if tangents is not None and d_tangents is not None:
        terms += [with_replaced(tangents, i, d_tangents[i]) for i in range(len(tangents))]
    return terms
