"""Which draw keeps most after the walk: of those that a search found, and of those that closed forms give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archlab.cost import Budget
from archlab.elaborate import Fixed, elaborate, fill_holes
from archlab.grammar import parse, unparse
from archlab.original.judge import judged
from archlab.original.loaded import Loaded
from archlab.original.original import JudgeSettings
from archlab.search.counter import Counter
from archlab.search.result import SearchResult, Trial
from archlab.shrink.even_cuts import between, even_cuts
from archlab.shrink.widen import Draws, widened

_SHARES = (1 / 3, 2 / 3)
"""Of the way from the best even cut to the best of the search."""


@dataclass(frozen=True)
class Drawn:
    """A draw below the original.

    Attributes:
        name: as among the search's finalists, or what made it.
        text: without holes.
        draws: of the space, by the holes' names.
        macs: its multiply-accumulates of one image.
        kept: the share of held-out images that it gets right after the walk.
    """

    name: str
    text: str
    draws: Draws
    macs: int
    kept: float


def contest(
    counter: Counter,
    budget: Budget,
    result: SearchResult,
    stage: str,
    loaded: Loaded,
    judge: JudgeSettings,
    say: Callable[[str], None],
) -> list[Drawn]:
    """Return all that was judged by the walk, the best first: a search's finalists, and what is near them or even.

    Beside the finalists, which the search has judged, these are the best of them made as wide as the budget allows, the
    even cuts, and two draws between the best of either. A draw of a gram's choosing is not always one of the walk's.
    Of several that get as many right, as there are on few images, the first is the largest.

    Args:
        counter: of the space that was searched.
        budget: the search's; where a part of it must be measured, its finalists are all there is.
        stage: the judge's name, as it stands in the search's results.
        say: is told which draw is judged.
    """
    interpreter = counter.interpreter
    trials = {trial.number: trial for trial in result.trials}
    found = [_of_trial(one.name, one.text, trials[one.trial], one.values[stage]) for one in result.finalists]
    if budget.measured.names:
        return found
    known = {interpreter.network(Fixed(one.draws)).digest for one in found}

    def entered(name: str, draws: Draws) -> Iterator[Drawn]:
        wide = widened(interpreter, draws, budget, loaded.graph, loaded.known)
        network = interpreter.network(Fixed(wide))
        if network.digest not in known:
            known.add(network.digest)
            say(f"judging {name}, beside what the search found")
            text = unparse(fill_holes(interpreter.space, network, name))
            graph = elaborate(parse(text)).graph
            yield Drawn(name, text, wide, sum(node.macs for node in graph), judged(loaded, graph, judge))

    best, even = found[0], list[Drawn]()
    for i, draws in enumerate(even_cuts(counter), start=1):
        even += entered(f"{interpreter.space.name}_even_{i}", draws)
    found += [*even, *entered(f"{best.name}_widened", best.draws)]
    if even:
        top = max(even, key=_kept)
        for i, share in enumerate(_SHARES, start=1):
            middle = between(counter, top.draws, best.draws, share)
            if middle is not None:
                found += entered(f"{interpreter.space.name}_between_{i}", middle)
    return sorted(found, key=_kept, reverse=True)


def _of_trial(name: str, text: str, trial: Trial, kept: float) -> Drawn:
    return Drawn(name, text, trial.draws, int(trial.cost["macs"]), kept)


def _kept(drawn: Drawn) -> tuple[float, int]:
    return drawn.kept, drawn.macs
