"""What a block of the page of convolutions costs: counted by archlab from its text, convolution by convolution."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.elaborate import Interpreter, load
from archlab.grammar import parse
from archlab.report.block_formulas import Lesson, Settings


@dataclass(frozen=True, slots=True)
class ConvCost:
    """The weights and the MACs of convolutions, without norms."""

    weights: int
    macs: int


@dataclass(frozen=True, slots=True)
class LessonCounts:
    """Costs of a block: of each of its convolutions, in the order of the graph, and of the standard one."""

    steps: tuple[ConvCost, ...]
    standard: ConvCost

    @property
    def total(self) -> ConvCost:
        """The sum of its convolutions."""
        return ConvCost(sum(step.weights for step in self.steps), sum(step.macs for step in self.steps))

    @property
    def share(self) -> float:
        """Its weights as a share of the standard convolution's; with stride 1 that of the MACs too."""
        return self.total.weights / self.standard.weights


def count_lesson(lesson: Lesson, settings: Settings) -> LessonCounts:
    """Return what archlab counts of the block's text and of the standard convolution's."""
    standard = conv_costs(network_text(lesson.standard, settings))
    return LessonCounts(conv_costs(network_text(lesson.call, settings)), standard[0])


def conv_costs(text: str) -> tuple[ConvCost, ...]:
    """Return the costs of a network's convolutions, in the order of its graph."""
    space = load(parse(text))
    graph = Interpreter(space).network(lambda hole: hole.default).graph
    return tuple(ConvCost(node.params, node.macs) for node in graph if node.op == "conv2d")


def text_template(call: str) -> str:
    """Return a network that is one block on a map of ``in`` channels, with its settings in braces."""
    return f"net example(input={{in}}x{{n}}x{{n}})\nstage: {call}"


def network_text(call: str, settings: Settings) -> str:
    """Return that network with its settings filled in.

    >>> print(network_text("conv({c}, {k})", {"in": 128, "c": 256, "k": 3, "n": 56}))
    net example(input=128x56x56)
    stage: conv(256, 3)
    """
    return text_template(call).format_map({name: f"{value:g}" for name, value in settings.items()})
