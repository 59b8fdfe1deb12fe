"""What differs between two runs of blocks: fact by fact, and where no fact differs, what does all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlab.ir import Graph, Node, show_shape
from archlab.structure.found import Block
from archlab.structure.runs import Run

_ANY_ORDER = frozenset({"add", "mul"})
_WORDS = {"in_channels": "input channels", "in_features": "input features", "ceil": "rounding up"}


@dataclass(frozen=True, slots=True)
class Change:
    """What changed, from what, and to what; as words, empty where there is nothing."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what} {self.before or 'none'} → {self.after or 'none'}"


def facts_of(run: Run) -> dict[str, str]:
    """Return what tells a run of blocks from another, as words."""
    return {
        "kind": run.first.title,
        "repeats": str(len(run.blocks)),
        "channels": _of_all(run, lambda block: str(block.settings.channels)),
        "width inside": _of_all(run, lambda block: str(block.settings.width or "")),
        "kernel": _of_all(run, lambda block: ", ".join(block.settings.kernel)),
        "stride": _of_all(run, lambda block: str(block.settings.stride)),
        "groups": _of_all(run, lambda block: str(block.settings.groups)),
        "dilation": _of_all(run, lambda block: str(block.settings.dilation)),
        "multiplier": _of_all(run, lambda block: str(block.settings.multiplier or "")),
        "squeeze-excite": _of_all(run, lambda block: str(block.settings.squeeze or "")),
        "shortcut": _of_all(run, lambda block: block.shortcut),
        "activation": _of_all(run, lambda block: ", ".join(block.settings.activation)),
        "norm": _of_all(run, lambda block: ", ".join(block.settings.norm)),
    }


def _of_all(run: Run, fact: object) -> str:
    assert callable(fact)
    values = list(dict.fromkeys(fact(block) for block in run.blocks))
    return str(values[0]) if len(values) == 1 else f"{values[0]}…{values[-1]}"


def changes_between(a: Run, b: Run, graphs: tuple[Graph, Graph]) -> tuple[Change, ...]:
    """Return what changed from one run to the other; nothing where they compute the same of inputs of one shape."""
    before, after = facts_of(a), facts_of(b)
    found = tuple(Change(what, value, after[what]) for what, value in before.items() if value != after[what])
    return found or tuple(_other_changes(a, b, graphs))


def _other_changes(a: Run, b: Run, graphs: tuple[Graph, Graph]) -> Iterator[Change]:
    """Yield arguments that differ, each once; or how the operators or their wiring do."""
    seen: set[str] = set()
    for one, other in zip(a.blocks, b.blocks, strict=True):
        ours, theirs = (
            [graph[name] for name in block.nodes] for graph, block in zip(graphs, (one, other), strict=True)
        )
        if [node.op for node in ours] != [node.op for node in theirs]:
            yield Change("operators", _operators(ours), _operators(theirs))
            return
        if _wiring(one, ours) != _wiring(other, theirs):
            yield Change("wiring", _sources(ours), _sources(theirs))
            return
        for mine, its in zip(ours, theirs, strict=True):
            for what in mine.attrs:
                word = _WORDS.get(what, what)
                if mine.attrs[what] != its.attrs.get(what) and word not in seen:
                    seen.add(word)
                    yield Change(word, _shown(mine.attrs[what]), _shown(its.attrs.get(what)))


def _wiring(block: Block, nodes: Sequence[Node]) -> list[list[int]]:
    place = {name: i for i, name in enumerate(block.nodes)}
    inputs = [(node.op, [place.get(name, -1) for name in node.inputs]) for node in nodes]
    return [sorted(found) if op in _ANY_ORDER else found for op, found in inputs]


def _operators(nodes: Sequence[Node]) -> str:
    return " ".join(node.op for node in nodes[:8]) + (" …" if len(nodes) > 8 else "")


def _sources(nodes: Sequence[Node]) -> str:
    joins = [node for node in nodes if len(node.inputs) > 1]
    return "; ".join(f"{node.op} of {', '.join(node.inputs)}" for node in joins[:2])


def _shown(value: object) -> str:
    return show_shape(value) if isinstance(value, tuple) else str(value)
