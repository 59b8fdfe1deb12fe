"""SynFlow: how much flow the weights' magnitudes let through (Tanaka et al. 2020, arXiv:2006.05467)."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.func import functional_call

from archlab.nn.latency import on_threads
from archlab.nn.layers import Factor, GroupSoftmax, Offset
from archlab.score.undisturbed import CODED, Run


def synflow(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:  # noqa: ARG001
    """Return the log of the sum of \\|w · ∂R/∂w\\| over the weights of convolutions and linear layers.

    It is computed in double precision.

    R is the sum of the outputs for one image of ones, with the absolute value of every weight and bias (the paper's
    algorithm 1), and of every number that multiplies, is added or subtracts; of ``batch`` only the shape counts, and
    the score is the same for every seed of it but for the weights that the module was built with. As in Abdelfattah et
    al. (2021, arXiv:2101.08134) norms, and softmax as one, are the identity, and the weights of convolutions and linear
    layers are summed. Without a negative value in the network a ReLU is the identity, and so is, here, every activation
    but the gates: a ReLU6 would stop the flow where it saturates, which is no property of the network. Sigmoids, hard
    sigmoids and tanh are computed as they are.

    By Euler's identity the sum over a layer's weights is its output without the bias times the gradient there, so the
    gradients of the weights themselves are never made. The logarithm, because R grows as a product over the layers;
    the double precision, because it leaves single's range. One thread, so the bits do not depend on their number.
    """
    ones = torch.ones(1, *batch.shape[1:], dtype=torch.float64, device=batch.device, requires_grad=True)
    run = _Flow(module)
    # A depthwise convolution in double precision is a loop of tiny ones, each of which waits for all threads: on a
    # second core that is busy otherwise, a tenth of a second becomes ten.
    with on_threads(1), torch.enable_grad():
        flow = run.run(ones).sum()
        gradients = torch.autograd.grad(flow, run.outputs, allow_unused=True)
        terms = (y.detach() * g for y, g in zip(run.outputs, gradients, strict=True) if g is not None)
        total = sum(term.sum().item() for term in terms)
    return -math.inf if total <= 0 else math.log(total)


class _Flow(Run):
    """Runs the module on magnitudes; keeps the outputs, before the bias, of the layers with weights."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.outputs: list[Tensor] = []

    def part(self, part: nn.Module, x: Tensor) -> Tensor:
        y: Tensor
        match part:
            case nn.Conv2d():
                y = part._conv_forward(x, _magnitude(part.weight), None)  # which pads as the layer does
            case nn.ConvTranspose2d() | nn.Conv1d():
                weights = {"weight": _magnitude(part.weight)}
                weights |= {"bias": torch.zeros_like(part.bias, dtype=x.dtype)} if part.bias is not None else {}
                y = functional_call(part, weights, (x,))
            case nn.Linear():
                y = F.linear(x, _magnitude(part.weight))
            case nn.BatchNorm2d() | nn.GroupNorm() | nn.LayerNorm() | GroupSoftmax():
                return x
            case _ if isinstance(part, CODED):
                return x
            case Factor():
                return x * abs(float(part.x))
            case Offset():
                return x + abs(float(part.x))
            case _:
                return super().part(part, x)
        self.outputs.append(y)
        if part.bias is None:
            return y
        bias = _magnitude(part.bias)
        return y + (bias if isinstance(part, nn.Linear) else bias[:, None, None])

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return super().call_function(operator.add if target is operator.sub else target, args, kwargs)


def _magnitude(weight: Any) -> Tensor:
    magnitude: Tensor = weight.detach().abs().double()
    return magnitude
