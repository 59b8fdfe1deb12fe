"""The rewrite rules tried on a network: for each layer, for each stage and everywhere, ranked by what they save."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from archlab.cost import Cost, cost
from archlab.elaborate import Source, architecture_of, elaborate
from archlab.errors import ElaborationError, LimitError
from archlab.exchange.rewrite import Site, find_sites, rewrite_sites
from archlab.exchange.rewrite_rules import RewriteOptions, option_of, title_of
from archlab.grammar import unparse
from archlab.grammar.ast import Architecture
from archlab.ir import Shape
from archlab.what_if.risks import Risk, risk_of

ATTEMPTS: tuple[tuple[str, RewriteOptions], ...] = (
    ("separable", RewriteOptions(dm=1)),
    ("separable", RewriteOptions(dm=4)),
    ("group_shuffle", RewriteOptions(groups=2)),
    ("group_shuffle", RewriteOptions(groups=4)),
    ("bottleneck", RewriteOptions(e=0.25)),
    ("factorise5x5", RewriteOptions()),
    ("factorise3x3", RewriteOptions()),
)
"""The rules with the options that are tried."""

EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rewriting that saves MACs.

    Attributes:
        rule: a rule of ``archlab.rewrite``.
        options: what it is given.
        where: the path of a layer, such as ``stage3.bottleneck.conv_2``; a stage; or ``everywhere``.
        layers: how many convolutions of the text are rewritten.
        left: how many more there are that the rule would not fit, such as channels that groups do not divide.
        architecture: the network rewritten.
        before, after: the exact costs; of a space with holes those of its default draw.
        risk: what the literature found of its accuracy.
        source: where.
        level: our reading of that: ``low``, ``medium`` or ``high``.
    """

    rule: str
    options: RewriteOptions
    where: str
    layers: int
    left: int
    architecture: Architecture = field(repr=False)
    before: Cost
    after: Cost
    risk: str
    source: str
    level: str

    @property
    def title(self) -> str:
        """The rule with the option that it takes, as a text would write it, such as ``separable dm=4``."""
        return title_of(self.rule, self.options)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON, with the new network as text."""
        return {
            "rule": self.rule,
            "options": option_of(self.rule, self.options),
            "where": self.where,
            "layers": self.layers,
            "layers_left": self.left,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "risk": asdict(Risk(self.level, self.risk, self.source)),
            "text": unparse(self.architecture),
        }


Watch = Callable[[str], None]
"""Is told what is being tried."""


def suggest(
    source: Source, watch: Watch | None = None, attempts: Sequence[tuple[str, RewriteOptions]] = ATTEMPTS
) -> tuple[Suggestion, ...]:
    """Return every rewriting of ``source`` that saves MACs, the one that saves most first.

    What does not describe a network, or one with another output, is left out. Where a rule does not fit a layer, a
    stage and the whole are rewritten but for that layer, and the suggestion says so. Costs are exact.

    Args:
        source: a shipped name, an ``.arch`` file, a text or an architecture; of a space the default draw counts.
        watch: is told what is being tried.
        attempts: the rules with the options that are tried.

    >>> best = suggest("net worked(input=128x14x14)\\nbody: conv2d(256, 3)")
    >>> [(s.title, s.before.params, s.after.params) for s in best if s.rule == "separable"]
    [('separable dm=1', 294912, 33920), ('separable dm=4', 294912, 135680)]

    Raises:
        InputError, ArchlabError: ``source`` is no architecture.
        ElaborationError: it describes no network.
    """
    architecture = architecture_of(source)
    network = elaborate(architecture)
    trying = _Trying(architecture, cost(network), network.body.shape)
    for number, (rule, options) in enumerate(attempts, start=1):
        if watch is not None:
            watch(f"trying {rule}, {number} of {len(attempts)} rules")
        trying.rule(rule, options)
    # By architecture, and so that of equal ones the narrowest place stays, which was tried first.
    distinct = {(s.architecture.stages, s.architecture.blocks): s for s in reversed(trying.found)}
    saving = [s for s in distinct.values() if s.after.macs < s.before.macs]
    return tuple(sorted(saving, key=lambda s: (s.after.macs, s.after.params, s.title, s.where)))


class _Trying:
    def __init__(self, architecture: Architecture, before: Cost, output: Shape) -> None:
        self.architecture = architecture
        self.before = before
        self.output = output
        self.found: list[Suggestion] = []

    def rule(self, rule: str, options: RewriteOptions) -> None:
        """Try a rule on each layer, on each stage, and on all."""
        sites = find_sites(self.architecture, rule, options)
        fits = [number for number, site in enumerate(sites) if self._tried(rule, options, site.path, [number], sites)]
        for stage in self.architecture.stages:
            within = [number for number in fits if sites[number].stage == stage.name]
            if within:
                self._tried(rule, options, stage.name, within, sites)
        if fits:
            self._tried(rule, options, EVERYWHERE, fits, sites)

    def _tried(
        self, rule: str, options: RewriteOptions, where: str, only: Collection[int], sites: Sequence[Site]
    ) -> bool:
        """Note what comes of a rewriting; return whether it is a network with the same output."""
        architecture = rewrite_sites(self.architecture, rule, only, options)
        try:
            network = elaborate(architecture)
        except (ElaborationError, LimitError):
            return False
        if network.body.shape != self.output:
            return False
        there = len(sites) if where == EVERYWHERE else sum(site.stage == where for site in sites)
        risk = risk_of(rule, options)
        self.found.append(
            Suggestion(
                rule,
                options,
                where,
                len(only),
                max(0, there - len(only)),
                architecture,
                self.before,
                cost(network),
                risk.found,
                risk.source,
                risk.level,
            )
        )
        return True
