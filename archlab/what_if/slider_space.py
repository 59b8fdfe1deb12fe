"""A text opened for sliders: its networks at any setting, and the numbers in it that a slider can move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlab.elaborate import Hole, Interpreter, Network, Value, load
from archlab.elaborate.holes import names_in
from archlab.errors import ArchlabError
from archlab.grammar.ast import Architecture
from archlab.what_if.operator_costs import Operator, operators_of
from archlab.what_if.sliders import Slider

Setting = Mapping[str, int]
"""Numbers by the names of holes; what is not given has its default."""


class InexactError(Exception):
    """Some sliders have no exact polynomial.

    Attributes:
        names: whose.
        reason: why.
    """

    def __init__(self, names: Sequence[str], reason: str) -> None:
        super().__init__(reason)
        self.names = tuple(names)
        self.reason = reason


class SliderSpace:
    """The opened text, elaborated for settings of its holes."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.interpreter = Interpreter(load(architecture))
        self.holes: dict[str, Hole] = {}
        self.network({})

    def network(self, setting: Setting) -> Network:
        """Return the network of a setting.

        Raises:
            InexactError: there is none.
        """

        def draw(hole: Hole) -> Value:
            if hole.searched:
                self.holes.setdefault(hole.name, hole)
            return setting.get(hole.name, hole.default)

        try:
            return self.interpreter.network(draw)
        except ArchlabError as error:
            raise InexactError(list(setting), f"not all of its values give a network: {error.message}") from error

    def operators(self, setting: Setting) -> list[Operator]:
        """Return the operators of the network of a setting."""
        return operators_of(self.network(setting))

    def sliders(self, left_out: dict[str, str]) -> list[Slider]:
        """Return a slider for each hole that is not left out; widths in steps at which no channels are rounded.

        Widths that have no such steps are added to ``left_out``.
        """
        used = [(stage.name, names_in([stage.body])) for stage in reversed(self.architecture.stages)]
        stages = {var.name: stage for var in self.architecture.vars for stage, names in used if var.name in names}
        found = []
        for hole in self.holes.values():
            if hole.name in left_out:
                continue
            values = tuple(sorted(int(v) for v in hole.labels)) or tuple(
                int(hole.value_at(i)) for i in range(hole.steps() + 1)
            )
            kind = "kernel" if hole.labels else "depth" if hole.name not in stages else "width"
            default = int(hole.default)
            if kind == "width" and not (values := self._even(hole.name, values, default)):
                left_out[hole.name] = "its channels are rounded"
                continue
            found.append(Slider(hole.name, stages.get(hole.name) or hole.name.split(".")[0], kind, values, default))
        return found

    def _even(self, name: str, values: tuple[int, ...], default: int) -> tuple[int, ...]:
        """Return as many values as there are with channels in proportion to them, in even steps."""
        channels = [[o.channels for o in self.operators({name: value})] for value in values]
        at = values.index(default)
        for step in range(1, len(values)):
            chosen = range(at % step, len(values), step)
            rows = [channels[i] for i in chosen]
            straight = (
                [a + c for a, c in zip(before, after, strict=True)] == [2 * b for b in row]
                for before, row, after in zip(rows, rows[1:], rows[2:], strict=False)
            )
            if len(chosen) > 1 and all(straight):
                return tuple(values[i] for i in chosen)
        return ()
