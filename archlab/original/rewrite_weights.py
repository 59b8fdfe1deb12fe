"""``archlab.rewrite`` on a trained network: the cheaper layers are filled with its weights, and refitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from archlab.carry.replace import ReplacedLayer, replace
from archlab.carry.statistics import Statistics
from archlab.cost import Cost, cost
from archlab.elaborate import Source, elaborate, fill_holes, graph_of, space_of
from archlab.errors import InputError, did_you_mean
from archlab.exchange.rewrite import find_sites, rewrite_sites
from archlab.exchange.rewrite_rules import RULES, RewriteOptions
from archlab.grammar import parse, unparse
from archlab.grammar.ast import Architecture


@dataclass(frozen=True, slots=True, eq=False)
class Rewritten:
    """A trained network after a rewriting.

    Attributes:
        architecture: the rewritten text.
        module: it, with weights, in evaluation.
        layers: what stands for which convolution, and how well.
        before, after: the exact costs.
    """

    architecture: Architecture = field(repr=False)
    module: nn.Module = field(repr=False)
    layers: tuple[ReplacedLayer, ...]
    before: Cost
    after: Cost


def rewrite_with_weights(
    network: Source,
    weights: nn.Module | Mapping[str, Tensor],
    rule: str,
    where: str | None = None,
    images: Tensor | None = None,
    *,
    options: RewriteOptions | None = None,
    known: Statistics | None = None,
    seed: int = 0,
) -> Rewritten:
    """Apply a rule of ``archlab.rewrite`` to a trained network, and fill what it makes with its weights.

    Each kernel is factorised into those that stand for it, exactly where its rank allows, and every layer behind the
    first of them is refitted in closed form, without labels, as ``archlab.carry`` does.

    Args:
        network: the trained network; of a space its default draw.
        weights: its own, as a state dict or a module, by the names of ``archlab.build``.
        rule: such as ``separable``.
        where: a stage, or the path of one convolution as ``archlab.suggest`` names it; by default all that the rule
            applies to.
        images: (N, C, H, W), as the network takes them; a few hundred are enough. Without them kernels are factorised
            and nothing is refitted.
        options: of the rule.
        known: what ``archlab.carry.statistics.collect`` says of the network and these images, where there are many.

    Raises:
        InputError: there is no such rule or place, nothing there that the rule applies to, or the weights are not the
            network's.
        ElaborationError: the rule does not fit, such as groups that do not divide the channels.
    """
    if rule not in RULES:
        raise InputError(f"there is no rule {rule!r}", hint=did_you_mean(rule, RULES))
    space = space_of(network)
    old = parse(unparse(fill_holes(space, elaborate(space.architecture))))
    sites = find_sites(old, rule, options)
    chosen = [i for i, site in enumerate(sites) if where in (None, site.stage, site.path)]
    if not chosen:
        places = [*dict.fromkeys(site.stage for site in sites), *(site.path for site in sites)]
        raise InputError(
            f"{where or old.name} holds no convolution for the rule {rule}", hint=did_you_mean(where or "", places)
        )
    new = parse(unparse(rewrite_sites(old, rule, chosen, options)))
    after = elaborate(new)
    made = replace(weights, graph_of(old), after.graph, images, known=known, seed=seed)
    return Rewritten(new, made.module, made.layers, cost(old), cost(after))
