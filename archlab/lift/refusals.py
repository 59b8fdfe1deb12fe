"""Whether a canonical form says all of a model: every place where it does not, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from archlab.lift.canonical.canonicalise import Canonical, output_name
from archlab.lift.canonical.graph import Named
from archlab.lift.canonical.step import INPUT, Refusal
from archlab.lift.needed_calls import parameters_read
from archlab.lift.trace import Trace


def refusals_of(form: Canonical, named: Named, trace: Trace, calls: tuple[int, ...], path: str) -> list[Refusal]:
    """Return what keeps an output from being said; what it does not need, does not count.

    Args:
        named: the graph of the output.
        calls: the calls that it needs.
        path: the output's path in what the model returns.
    """
    places = {*calls, INPUT}
    others = {output_name(other) for other, _ in trace.outputs} - {output_name(path)}
    reasons = [r for r in form.refusals if r.call in places and r.op not in others]
    reasons += [*_shared(named), *_buffers(named, trace)]
    return reasons or list(_lost(named, trace, calls))


def _shared(named: Named) -> Iterator[Refusal]:
    uses: dict[str, list[str]] = defaultdict(list)
    for key, weight in named.mapping.items():
        if not key.endswith("num_batches_tracked"):
            uses[weight.name].append(key.rpartition(".")[0])
    for name, nodes in uses.items():
        if len(nodes) > 1:
            yield Refusal(nodes[0], "a weight", (), f"{name} is shared with {', '.join(nodes[1:])}")


def _buffers(named: Named, trace: Trace) -> Iterator[Refusal]:
    """Yield a refusal for each weight that the model holds as a buffer, such as the filter of a blur."""
    for node in named.graph:
        for tensor in node.weights:
            weight = named.mapping.get(f"{node.name}.{tensor}")
            if weight is not None and weight.name not in trace.parameters:
                why = f"its {tensor} {weight.name} is a buffer of the model, and in a text it would be trained"
                yield Refusal(node.name, node.op, (), why)


def _lost(named: Named, trace: Trace, calls: tuple[int, ...]) -> Iterator[Refusal]:
    said = {weight.name for weight in named.mapping.values()}
    for name in sorted(parameters_read(trace, calls) - said):
        yield Refusal(name.rpartition(".")[0], "a weight", (), f"{name} is read, and no operator holds it")
