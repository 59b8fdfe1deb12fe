"""Rewritings of a trained network: filled with its weights, refitted, and measured on its user's images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archlab.carry.replace import Replaced, replace
from archlab.carry.statistics import Statistics, collect
from archlab.elaborate import elaborate
from archlab.errors import InputError
from archlab.exchange.rewrite_rules import parse_rule, title_of
from archlab.grammar import parse, unparse
from archlab.ir import Graph
from archlab.original.loaded import first
from archlab.original.shrunk import Contender, LayerKept
from archlab.shrink.filled import Candidates, Filled
from archlab.shrink.request import ShrinkRequest
from archlab.shrink.trained import Trained
from archlab.train import evaluate
from archlab.what_if.kept import Kept
from archlab.what_if.suggest import EVERYWHERE, Suggestion, suggest

Note = Callable[[str], None]

FITTED, MEASURED = 512, 2000
"""Images that the list of rewritings is fitted on, and measured on: enough to tell them apart."""


def measure_rewritings(trained: Trained, suggestions: Sequence[Suggestion], say: Note, seed: int = 0) -> Kept:
    """Fill each rewriting with the trained network's weights, refit it without labels, and measure it.

    Args:
        suggestions: rewritings of ``trained.text``.
        say: is told which is being measured.
    """
    images, held_out = trained.images(FITTED), first(trained.held_out, MEASURED)
    known = collect(trained.module, trained.graph, images, seed=seed)
    found: list[float] = []
    for i, one in enumerate(suggestions, start=1):
        say(f"measuring {i} of {len(suggestions)}: {one.title}, {one.where}")
        graph = _graph_of(one)
        made = replace(trained.module, trained.graph, graph, images, known=known, seed=seed)
        found.append(evaluate(made.module, held_out).accuracy)
    whole = evaluate(trained.module, held_out).accuracy
    return Kept(whole, tuple(found), len(held_out), trained.labelled)


def candidate_by_rule(request: ShrinkRequest, trained: Trained, say: Note) -> Candidates:
    """Rewrite a trained network by the rule of a request, and fill it with its weights.

    Raises:
        InputError: the rule saves no MACs there.
    """
    rule, options = parse_rule(request.rule)
    title = title_of(rule, options)
    say(f"trying {title}")
    found = suggest(parse(request.text), attempts=[(rule, options)])
    chosen = _at(request.where, found)
    if chosen is None:
        places = ", ".join([one.where for one in found][:6]) or "no place"
        raise InputError(
            f"{title} saves no MACs in {trained.graph.name}, {request.where}",
            hint=f"it does in {places}; `archlab rewrite` lists all rules",
        )
    say(f"filling {chosen.layers} layers by {title}")
    graph, images = _graph_of(chosen), trained.images()
    known: Statistics = collect(trained.module, trained.graph, images, seed=request.seed)
    made = replace(trained.module, trained.graph, graph, images, known=known, seed=request.seed)
    text = unparse(chosen.architecture)
    filled = Filled(graph.name, text, graph, made.module, _layers(made, trained.graph))
    judged = evaluate(made.module, trained.held_out).accuracy
    return Candidates((filled,), (Contender(graph.name, chosen.after.macs, judged, {}),))


def _at(where: str, found: Sequence[Suggestion]) -> Suggestion | None:
    """Return the rewriting at a place; of a stage or network with one layer to rewrite it is listed as that layer's."""
    within = [one for one in found if where == EVERYWHERE or one.where.startswith(f"{where}.")]
    return next((one for one in found if one.where == where), within[0] if len(within) == 1 else None)


def _graph_of(suggestion: Suggestion) -> Graph:
    return elaborate(parse(unparse(suggestion.architecture))).graph


def _layers(made: Replaced, source: Graph) -> tuple[LayerKept, ...]:
    found: list[LayerKept] = []
    for one in made.layers:
        node = source[one.source]
        inputs, outputs = source.shape_of(node.inputs[0])[0], node.shape[0]
        found.append(LayerKept(one.layers[-1], one.source, (inputs, inputs), (outputs, outputs), one.error, one.layers))
    return tuple(found)
