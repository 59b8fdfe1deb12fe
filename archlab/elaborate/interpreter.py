"""(Space, draw) to Network: the only place where choices become values.

A candidate of a search must be costed in well under a millisecond, so a block without holes is elaborated once for
its arguments and input shape, and shared by all draws of the space (``archlab.elaborate.shared``).
"""

from __future__ import annotations

from collections.abc import Mapping

from archlab.elaborate.arithmetic import describe, number
from archlab.elaborate.detect_stage import DetectStageReader
from archlab.elaborate.detector_stages import detector_body, detector_stages
from archlab.elaborate.draw import Draw, Fixed
from archlab.elaborate.evaluator import Evaluator
from archlab.elaborate.fragment import NamedFragment, Nothing, chain, gives_nothing
from archlab.elaborate.language import DETECT, MULTIPLIERS, TEXT_DEFAULTS
from archlab.elaborate.lifetimes import has_values, settled_stages
from archlab.elaborate.network import Network
from archlab.elaborate.scope import Bound, Layer, Scope, Stored, Wide
from archlab.elaborate.shared import Shared
from archlab.elaborate.space import Space
from archlab.elaborate.text_defaults import TextDefaults, check_default
from archlab.elaborate.unfold import Unfolder
from archlab.errors import LimitError
from archlab.grammar import ast
from archlab.ir import Shape

MAX_SIDE = 2**20
MAX_DIVISOR = 1024


class Interpreter:
    """Elaborates the draws of one space, keeping what they share."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.shared = Shared()

    def network(self, draw: Draw) -> Network:
        """Elaborate the network that ``draw`` makes of the space.

        Raises:
            ElaborationError: the draw describes no network, such as channels that groups do not divide.
            InputError: the draw gives a hole what it cannot take, or a value to a name that is no hole of it.
            LimitError: it would have too many nodes, or too large numbers.
        """
        self.shared.forget_oldest()
        if isinstance(draw, Fixed):
            draw.asked.clear()  # it may have filled the holes of another space before
        try:
            network = _Elaboration(self.space, draw, self.shared).network()
            if isinstance(draw, Fixed):
                draw.refuse_unknown()
            return network
        except RecursionError:  # far below MAX_DEPTH only where the caller itself is deep in calls
            raise LimitError("the text nests too deep") from None


class _Elaboration:
    """The elaboration of one draw: options, vars, then the stages in order."""

    def __init__(self, space: Space, draw: Draw, shared: Shared) -> None:
        self.space = space
        # A search leaves the multipliers of a space with holes of its own alone: they need not be asked for.
        self.fills_all = space.is_reference or getattr(draw, "fills_unsearched", False)
        self.shared = shared
        self.evaluator = Evaluator(space, draw, shared.keys)
        self.unfolder = Unfolder(self.evaluator, shared)

    def network(self) -> Network:
        arch = self.space.architecture
        options = dict(arch.options)
        callees = self.space.callees
        root = Scope({}, Wide(3), callees, True, 1.0, 1.0, "", "root")
        x = input_shape = self._input_shape(options.get("input", ast.Size((3, 224, 224))), root)
        if "divisor" in options:
            self.unfolder.divisor = self.unfolder.whole(options["divisor"], root, "divisor", MAX_DIVISOR)
        width, depth = (self._multiplier(options.get(name), root, "", name) for name in MULTIPLIERS)
        key = self._set_defaults(options, self._define_vars())
        stages: list[NamedFragment] = []
        outputs: dict[str, Bound] = {}
        zero: ast.Stage | None = None
        depths: dict[str, float] = {}
        nodes = 0
        for stage in arch.stages:
            own = dict(stage.options)
            w, d = (self._multiplier(own.get(name), root, stage.name, name) for name in MULTIPLIERS)
            w, d = w * width, d * depth
            depths[stage.name] = d
            scope = Scope({**outputs}, Wide(x[0]), callees, True, w, d, stage.name, (key, x[0], w, d))
            if stage.name == DETECT:  # the last, as `check_text` has seen to
                self._refuse_zero(x, zero, root)
                return self._detector(stage, scope, stages, input_shape, depths)
            unfold = self.unfolder.remembered
            fragment = self.evaluator.placed(stage.body, scope, lambda: unfold(stage.body, scope, x))  # noqa: B023
            nodes += fragment.nodes
            self.unfolder.bound_nodes(nodes, stage, scope)
            stages.append((stage.name, fragment))
            if stage.name in self.space.values.stages:
                outputs[stage.name] = Stored(stage.name, fragment.shape, stage.name)
            if gives_nothing(fragment) and type(x) is not Nothing:
                zero = stage
            x = fragment.shape
        self._refuse_zero(x, zero, root)
        if has_values(stages):
            stages, body, _ = settled_stages(stages, input_shape, (), self.shared)
        else:
            body = chain(stages, input_shape)
        return Network(arch.name, input_shape, tuple(stages), body, depths, self.evaluator.draws)

    def _refuse_zero(self, x: Shape, stage: ast.Stage | None, scope: Scope) -> None:
        """Raise ElaborationError where nothing comes out of the stages; ``stage`` is the one that gives nothing."""
        if type(x) is Nothing and stage is not None:
            message = f"the network is zero: its stage {stage.name} gives nothing"
            raise self.evaluator.error(message, stage.body, scope, "zero stands where layers are added or joined")

    def _define_vars(self) -> int:
        """Evaluate the vars in order; return a key that is the same where all their values are."""
        key = self.shared.keys.of("vars")
        for var in self.space.architecture.vars:
            scope = Scope({}, Wide(3), self.space.callees, True, 1.0, 1.0, "", key)
            value = self.evaluator.value(var.value, scope)
            self.evaluator.vars[var.name] = value
            key = self.shared.keys.of((key, value, type(value)))
        return key

    def _set_defaults(self, options: Mapping[str, ast.Expr], key: int) -> int:
        """Evaluate the defaults of the text, behind the vars; return a key that is the same where all of them are."""
        values: dict[str, Bound] = {}
        for name in TEXT_DEFAULTS:
            if name in options:
                scope = Scope({}, Wide(3), self.space.callees, True, 1.0, 1.0, "", key)
                values[name] = value = self.evaluator.value(options[name], scope)
                self.evaluator.placed(options[name], scope, lambda: check_default(name, value))  # noqa: B023
        if not values:
            return key
        key = self.shared.keys.of((key, tuple(values.items()), tuple(map(type, values.values()))))
        is_open = any(isinstance(value, Layer) and value.open for value in values.values())
        self.unfolder.defaults = TextDefaults(values, key, is_open)
        return key

    def _detector(
        self, stage: ast.Stage, scope: Scope, backbone: list[NamedFragment], x: Shape, depths: dict[str, float]
    ) -> Network:
        """Put what the stage ``detect`` asks for onto the backbone."""
        request = DetectStageReader(self.evaluator, self.unfolder.divisor).read(stage.body, scope)
        stages, spec = self.evaluator.placed(
            request.neck, scope, lambda: detector_stages(backbone, x, request, self.shared)
        )
        self.unfolder.bound_nodes(sum(part.nodes for _, part in stages), stage, scope)
        body = detector_body(stages)
        return Network(self.space.name, x, tuple(stages), body, depths, self.evaluator.draws, spec)

    def _input_shape(self, expr: ast.Expr, scope: Scope) -> Shape:
        value = self.evaluator.value(expr, scope)
        if not isinstance(value, tuple) or len(value) != 3 or min(value) < 1:
            message = f"input must be channels x height x width, such as 3x224x224, not {describe(value)}"
            raise self.evaluator.error(message, expr, scope)
        if max(value) > MAX_SIDE:
            raise LimitError(f"a side of the input is larger than {MAX_SIDE}", self.space.place(expr.at))
        return value

    def _multiplier(self, expr: ast.Expr | None, scope: Scope, prefix: str, name: str) -> float:
        if expr is None:
            if prefix and name not in self.space.stage_multipliers[prefix]:
                return 1.0
            if not self.fills_all:
                return 1.0
            hole = self.space.multiplier(prefix, name)
            drawn = self.evaluator.draw(hole)
            if hole.searched or drawn != hole.default:
                self.evaluator.draws[hole.name] = drawn
            return float(number(drawn, name))
        value = self.evaluator.value(expr, scope.under(prefix))
        if not isinstance(value, int | float) or not 0 < value <= 64:
            message = f"{name} must be above 0 and at most 64, not {describe(value)}"
            raise self.evaluator.error(message, expr, scope)
        return float(value)
