"""Weights refitted in running order, each layer on what it really reads in the smaller network.

Every layer is fitted, by ridge regression with its present weight as prior, to what the source's layer gives behind its
norm at the channels that stay. The last layer of a residual block is fitted to the source's sum less what the smaller
network's shortcut gives, so that each block repairs the error of the trunk; the head to the source's outputs. No labels
are read. Where nothing was removed before a layer it stays as it is, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlab.carry.correspondence import ABSENT, Correspondence
from archlab.carry.fit import LEAST, Ridge, about_mean, grouped, moments_of, together, unexplained
from archlab.carry.forward import Forward, layer_of
from archlab.carry.originals import Originals
from archlab.carry.patches import at_places, read_by
from archlab.carry.statistics import ROWS, Statistics
from archlab.carry.units import Unit, running_order, units_of
from archlab.ir import Graph, Node

STRENGTH = 1e-3
PASSES = 3
"""How often a fit is made again to what it gave, where an activation is flat."""
# What mixes channels: its output is the source's only where every channel is there.
_MIXES = {"conv2d", "wsconv2d", "conv_transpose", "linear", "gn", "ln", "lrn", "softmax", "group_sum", "channel_conv"}


@dataclass(frozen=True, slots=True)
class LayerFit:
    """How well a layer gives what the source gives.

    Attributes:
        name: the layer's operator.
        before: the share of the target's variance that was not explained before the fit.
        after: the same after it.
    """

    name: str
    before: float
    after: float


@torch.no_grad()
def refit_by_walk(
    base: nn.Module,
    source: Graph,
    module: nn.Module,
    target: Graph,
    corr: Correspondence,
    images: Tensor,
    rows: int = ROWS,
    seed: int = 0,
    before: Callable[[Node, Forward], None] = lambda *_: None,
    known: Statistics | None = None,
) -> tuple[LayerFit, ...]:
    """Refit ``module`` in place, so that each layer gives what ``base`` gives on ``images``; return the fits.

    An operator that ``corr`` says nothing of stays as it is.

    Args:
        rows: how many places of each layer's output are fitted.
        before: is called before each operator runs in ``module``, with what has run so far.
        known: what ``collect`` says of the source, on these images or on more of which these are the first.
    """
    order, units = running_order(target, [unit for unit in units_of(target) if unit.layer.name in corr.node])
    ends = {unit.layer.name: corr.node[(unit.total or unit.end).name] for unit in units.values()}
    middles = {n: corr.node[unit.layer.name] for n, unit in units.items() if unit.norm and unit.norm.op != "bn"}
    module.eval()
    theirs = Originals(base, source, images, (*ends.values(), *middles.values()), known, rows, seed)
    ours = Forward(module, target, images)
    walk = _Walk(source, module, corr, theirs, ours)
    exact: dict[str, bool] = dict.fromkeys(target.inputs, True)
    fits: list[LayerFit] = []
    for node in order:
        unit = units.get(node.name)
        before(node, ours)
        exact[node.name] = walk.is_exact(node, exact)
        if unit is not None:
            others = [] if unit.total is None else [n for n in unit.total.inputs if n != unit.end.name]
            if not exact[node.name] or not all(exact[n] for n in others):
                exact[node.name] = False
                fits.append(walk.refit(unit, others))
            theirs.release(ends[node.name])
            if node.name in middles:
                theirs.release(middles[node.name])
        ours.run(node)
    return tuple(fits)


@dataclass(frozen=True, slots=True)
class _Walk:
    source: Graph
    module: nn.Module
    corr: Correspondence
    theirs: Originals
    ours: Forward

    def is_exact(self, node: Node, exact: Mapping[str, bool]) -> bool:
        """Return whether a value is, at its channels, the source's to the bit, if its own weights are not fitted."""
        if node.name not in self.corr.node:
            return False
        there = self.source[self.corr.node[node.name]]
        same = tuple(self.corr.node.get(name) for name in node.inputs) == there.inputs
        if not same or not all(exact[name] for name in node.inputs):
            return False
        if node.op not in _MIXES:
            return ABSENT not in self.corr.index[node.name]
        return self.corr.is_whole(node.inputs[0], self.source) and _shape_of(node) == _shape_of(there)

    def refit(self, unit: Unit, others: list[str]) -> LayerFit:
        """Fit a unit to the source's value at its end less what the values ``others`` give."""
        layer = layer_of(self.module, unit.layer)
        end = (unit.total or unit.end).name
        places = self.theirs.places(unit.layer.shape)
        reads = read_by(unit.layer, self.ours.values[unit.layer.inputs[0]], places)
        total = _channels(self.theirs.at(self.corr.node[end], places), self.corr.index[end])
        rest = sum((at_places(self.ours.values[name], places) for name in others), torch.zeros_like(total))
        factor = total.new_ones(total.shape[1])
        if unit.factor is not None:
            factor = layer_of(self.module, unit.factor).get_parameter("weight").flatten()
            factor = torch.where(factor.abs() < LEAST, 1.0, factor)
        goal = Goal(total, rest, factor, unit.flat)
        if unit.norm is None or unit.norm.op == "bn":
            norm = None if unit.norm is None else layer_of(self.module, unit.norm)
            return _fit(unit.layer, layer, norm, reads, goal)
        middle = self.theirs.at(self.corr.node[unit.layer.name], places)
        between = _channels(middle, self.corr.index[unit.layer.name])
        fit = _fit(unit.layer, layer, None, reads, Goal(between, torch.zeros_like(between), torch.ones_like(factor)))
        norm = layer_of(self.module, unit.norm)
        given = [norm(layer(part)) for part in self.ours.values[unit.layer.inputs[0]]]
        _fit_affine(norm, at_places(given, places), goal.of(None))
        return fit


def _shape_of(node: Node) -> tuple[object, ...]:
    return tuple(node.attrs.get(name) for name in ("kernel", "stride", "padding", "dilation", "groups"))


def _channels(value: Tensor, index: tuple[int, ...]) -> Tensor:
    """Return the channels of (rows, C) that stay; zeros for what the source has not."""
    at = torch.tensor(index)
    return torch.where(at != ABSENT, value[:, at.clamp(min=0)], 0.0)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a unit should give: ``(total - rest) / factor``, (rows, C).

    Where the source's total is in a flat part of the activation that reads it, anything in that part will do: what the
    unit gives is then its own goal, and the fit is spent on what can be told apart.
    """

    total: Tensor
    rest: Tensor
    factor: Tensor
    flat: tuple[float, float] = (-math.inf, math.inf)

    def of(self, given: Tensor | None) -> Tensor:
        """Return the goal of a unit that gives ``given`` so far."""
        total = self.total
        if given is not None:
            low, high = self.flat
            now = given * self.factor + self.rest
            total = torch.where(
                total <= low, now.clamp(max=low), torch.where(total >= high, now.clamp(min=high), total)
            )
        return (total - self.rest) / self.factor

    @property
    def has_slack(self) -> bool:
        """Whether there is a flat part."""
        return self.flat != (-math.inf, math.inf)


def _fit(node: Node, layer: nn.Module, norm: nn.Module | None, reads: Tensor, goal: Goal) -> LayerFit:
    """Fit ``layer``, with the batch norm behind it, to ``goal``; rewrite the norm so that it gives the fit.

    The weight keeps its size, filter by filter, so that training goes on as from any weight. Products over rows are
    summed in the rows' precision, and what is solved from them is float64.
    """
    weight: Tensor = layer.get_parameter("weight")
    bias = getattr(layer, "bias", None)
    groups = int(node.attrs.get("groups", 1))
    gain, shift = _affine(norm, weight, bias)
    centred = norm is not None or bias is not None
    prior = (weight.double().flatten(1) * gain[:, None]).view(groups, -1, weight[0].numel())
    rows = grouped(reads, groups)
    mean, about = about_mean(rows) if centred else (torch.zeros_like(prior[:, 0]), rows)
    known = moments_of(mean, about)
    solver = Ridge(known.cov, STRENGTH)
    own = rows.dtype
    offset = (prior @ mean[:, :, None])[:, :, 0].flatten() + shift
    given = together(about @ prior.transpose(1, 2).to(own)) + offset.to(own)
    before = unexplained(given - goal.of(given), goal.of(None))
    for _ in range(PASSES if goal.has_slack else 1):
        goals = grouped(goal.of(given)[:, :, None], groups)
        middle, apart = about_mean(goals) if centred else (torch.zeros_like(prior[:, :, 0]), goals)
        cross = (about.transpose(1, 2) @ apart).double() / goals.shape[1]
        fitted = solver.solve(cross, prior)
        given = together(about @ fitted.transpose(1, 2).to(own) + middle[:, None].to(own))
    mean = (fitted @ known.mean[:, :, None])[:, :, 0].flatten()
    variance = ((fitted @ known.cov) * fitted).sum(2).flatten()
    _write(weight, bias, norm, fitted.reshape(len(weight), -1), mean, variance, middle.flatten())
    return LayerFit(node.name, before, unexplained(given - goal.of(given), goal.of(None)))


def _affine(norm: nn.Module | None, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the factor and the offset of each channel behind a layer's product, in evaluation, in float64."""
    zero = weight.new_zeros(len(weight), dtype=torch.float64)
    own = zero if bias is None else bias.double()
    if norm is None:
        return zero + 1, own
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = 1 / (norm.running_var.double() + norm.eps).sqrt()
    if norm.weight is not None:
        gain = gain * norm.weight.double()
    offset = zero if norm.bias is None else norm.bias.double()
    return gain, (own - norm.running_mean.double()) * gain + offset


def _write(
    weight: Tensor,
    bias: Tensor | None,
    norm: nn.Module | None,
    fitted: Tensor,
    mean: Tensor,
    variance: Tensor,
    middle: Tensor,
) -> None:
    """Put a fit into a layer and its norm; ``mean`` and ``variance`` are its product's, ``middle`` the goal's mean."""
    if norm is None or norm.weight is None:
        weight.copy_(fitted.view_as(weight))
        if bias is not None:
            bias.copy_(middle - mean)
        return
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    old = weight.double().flatten(1).norm(dim=1)
    new = fitted.norm(dim=1)
    size = torch.where((old > LEAST) & (new > LEAST), old / new.clamp(min=LEAST), 1.0)
    weight.copy_((fitted * size[:, None]).view_as(weight))
    own = 0.0 if bias is None else bias.double()
    norm.running_mean.copy_(mean * size + own)
    norm.running_var.copy_(variance * size.square())
    norm.weight.copy_((norm.running_var.double() + norm.eps).sqrt() / size)
    norm.bias.copy_(middle)


def _fit_affine(norm: nn.Module, value: Tensor, goal: Tensor) -> None:
    """Fit a norm's factor and offset of each channel, so that ``value`` (rows, C) comes nearest to ``goal``."""
    value, goal = value.double(), goal.double()
    about = value - value.mean(0)
    spread = about.square().mean(0)
    ratio = torch.where(spread > LEAST, (about * goal).mean(0) / spread.clamp(min=LEAST), 1.0)
    norm.get_parameter("weight").mul_(ratio)
    offset = norm.get_parameter("bias")
    offset.copy_(offset.double() * ratio + goal.mean(0) - value.mean(0) * ratio)
