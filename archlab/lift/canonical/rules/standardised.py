"""Weight standardisation: the one way in which the language computes a weight."""

from __future__ import annotations

from typing import Any

from archlab.lift.canonical.builder import described
from archlab.lift.canonical.values import Computed, Operand, UnsayableError, Weight


def standardised_weight(computed: Computed) -> tuple[Weight, Weight | None, dict[str, Any]]:
    """Return the weight that was standardised, its gain if it has one, and what ``wsconv2d`` is called with.

    It is known by how timm writes it: a batch norm of the filters, in training mode, without statistics.

    Raises:
        UnsayableError: it was computed in another way.
    """
    norm = _through_views(computed)
    if not isinstance(norm, Computed) or norm.ops[-1:] != ("batch_norm",):
        raise UnsayableError(f"its weight is {described(computed)}")
    kernel, scale, shift, mean, variance, training, _, eps = norm.parts[:8]
    kernel = _through_views(kernel)
    if isinstance(kernel, Weight):
        kernel = Weight(kernel.name, computed.shape)
    if not isinstance(kernel, Weight) or shift is not None or mean is not None or variance is not None or not training:
        raise UnsayableError(f"its weight is {described(computed)}")
    args: dict[str, Any] = {"eps": eps}
    gain = _through_views(scale)
    if scale is None:
        return kernel, None, args
    gamma = 1.0
    if isinstance(gain, Computed) and gain.ops[-1:] == ("mul",) and isinstance(gain.parts[1], float):
        gamma, gain = gain.parts[1], _through_views(gain.parts[0])
    if not isinstance(gain, Weight):
        raise UnsayableError(f"its weight is {described(computed)}")
    fan_in = 1
    for size in kernel.shape[1:]:
        fan_in *= size
    return kernel, gain, {**args, "gain": 1, "gamma": rounded(gamma / fan_in**-0.5)}


_VIEWS = frozenset({"view", "reshape", "reshape_as", "view_as", "_unsafe_view", "contiguous", "flatten"})


def _through_views(operand: Operand) -> Operand:
    while isinstance(operand, Computed) and operand.ops[-1:] and operand.ops[-1] in _VIEWS:
        operand = operand.parts[0]
    return operand


def rounded(value: float) -> float:
    """Return the short number that ``value`` was computed from, up to the last bits."""
    for digits in range(1, 15):
        near = round(value, digits)
        if abs(near - value) <= 4e-15 * max(1.0, abs(value)):
            return near
    return value
