"""(Space, draw) to Network: the only place where choices become values.

A candidate of a search must be costed in well under a millisecond, so a block without holes is elaborated once for
its arguments and input shape, and shared by all draws of the space (``archlab.elaborate.shared``).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Hashable, Mapping, Sequence

from archlab.elaborate.arithmetic import describe, number
from archlab.elaborate.detect_stage import DetectStageReader
from archlab.elaborate.detector_stages import detector_body, detector_stages
from archlab.elaborate.draw import Draw, Fixed, Random, Value, defaults
from archlab.elaborate.evaluator import Evaluator
from archlab.elaborate.fragment import NamedFragment, Nothing, chain, gives_nothing
from archlab.elaborate.language import DETECT, MULTIPLIERS, TEXT_DEFAULTS
from archlab.elaborate.lifetimes import has_values, settled_stages
from archlab.elaborate.network import Network
from archlab.elaborate.rules import Rules
from archlab.elaborate.scope import Bound, Layer, Scope, Stored, Wide
from archlab.elaborate.shared import Shared
from archlab.elaborate.space import Space
from archlab.elaborate.text_defaults import TextDefaults, check_default
from archlab.elaborate.unfold import Unfolder
from archlab.errors import ArchlabError, ElaborationError, LimitError, RuleError, did_you_mean, quote
from archlab.grammar import ast
from archlab.ir import Shape

_LOOKS = 40
_NO_RULES = Rules(ast.Architecture("none", ()))
MAX_SIDE = 2**20
MAX_DIVISOR = 1024


class Interpreter:
    """Elaborates the draws of one space, keeping what they share."""

    def __init__(self, space: Space, unfolder: type[Unfolder] = Unfolder) -> None:
        self.space = space
        self.unfolder = unfolder
        self.shared = Shared()
        self.rules = Rules(space.architecture)
        self._paths: frozenset[str] = frozenset()

    def network(self, draw: Draw) -> Network:
        """Elaborate the network that ``draw`` makes of the space.

        Raises:
            ElaborationError: the draw describes no network, such as channels that groups do not divide.
            InputError: the draw gives a hole what it cannot take, or a value to a name that is no hole of it.
            LimitError: it would have too many nodes, or too large numbers.
            RuleError: it breaks a rule of the text.
        """
        self.shared.forget_oldest()
        if isinstance(draw, Fixed):
            draw.asked.clear()  # it may have filled the holes of another space before
        try:
            elaboration = _Elaboration(self.space, draw, self.shared, self.rules, self.unfolder)
            network = elaboration.network()
            if self.rules.late:
                ones = dict.fromkeys(MULTIPLIERS, 1.0)
                self._refuse_unknown(self.rules.check_late(elaboration.evaluator, ones))
            if isinstance(draw, Fixed):
                draw.refuse_unknown()
            return network
        except RecursionError:  # far below MAX_DEPTH only where the caller itself is deep in calls
            raise LimitError("the text nests too deep") from None

    def meeting_vars(self, seed: int, attempts: int = 10_000) -> dict[str, Value] | None:
        """Find values of the vars' holes that meet every rule of vars; None where none of so many draws does.

        Nothing is unfolded for it. Rules that name holes by their paths are not looked at.
        """
        rng = random.Random(seed)
        for _ in range(attempts):
            elaboration = _Elaboration(self.space, Random(rng), self.shared, self.rules)
            try:
                elaboration.define_vars()
            except RuleError:
                continue
            return elaboration.evaluator.draws
        return None

    def _refuse_unknown(self, paths: Sequence[str]) -> None:
        """Raise where a rule names a hole that neither this draw nor any of some random ones has."""
        for path in paths:
            if path not in self._paths:
                self._paths |= self._met_by_some()
            if path not in self._paths:
                rule = next(rule for rule, names in self.rules.late if path in names)
                message = f"a rule names the hole {quote(path)}, which none of {_LOOKS} draws has"
                raise ElaborationError(message, self.space.place(rule.at), did_you_mean(path, self._paths))

    def _met_by_some(self) -> frozenset[str]:
        met: set[str] = set()
        rng = random.Random(0)
        draws: list[Draw] = [defaults, *(Random(rng) for _ in range(_LOOKS - 1))]
        for draw in draws:
            elaboration = _Elaboration(self.space, draw, self.shared, _NO_RULES)
            with contextlib.suppress(ArchlabError):  # what it met until then counts
                elaboration.network()
            met.update(elaboration.evaluator.draws)
        return frozenset(met)


class _Elaboration:
    """The elaboration of one draw: options, vars, then the stages in order."""

    def __init__(
        self, space: Space, draw: Draw, shared: Shared, rules: Rules, unfolder: type[Unfolder] = Unfolder
    ) -> None:
        self.space = space
        self.rules = rules
        # A search leaves the multipliers of a space with holes of its own alone: they need not be asked for.
        self.fills_all = space.is_reference or getattr(draw, "fills_unsearched", False)
        self.shared = shared
        self.evaluator = Evaluator(space, draw, shared.keys)
        self.unfolder = unfolder(self.evaluator, shared)

    def network(self) -> Network:
        arch = self.space.architecture
        options = dict(arch.options)
        callees = self.space.callees
        root = Scope({}, Wide(3), callees, True, 1.0, 1.0, "", "root")
        x = input_shape = self._input_shape(options.get("input", ast.Size((3, 224, 224))), root)
        if "divisor" in options:
            self.unfolder.divisor = self.unfolder.whole(options["divisor"], root, "divisor", MAX_DIVISOR)
        width, depth = (self._multiplier(options.get(name), root, "", name) for name in MULTIPLIERS)
        self.define_vars()
        key = self._set_defaults(options)
        self.evaluator.close_vars()
        stages: list[NamedFragment] = []
        outputs: dict[str, Bound] = {}
        zero: ast.Stage | None = None
        depths: dict[str, float] = {}
        nodes = 0
        for stage in arch.stages:
            w, d = width, depth
            if stage.options or self.fills_all:
                own = dict(stage.options)
                w, d = (self._multiplier(own.get(name), root, stage.name, name) for name in MULTIPLIERS)
                w, d = w * width, d * depth
            depths[stage.name] = d
            scope = Scope({**outputs}, Wide(x[0]), callees, True, w, d, stage.name, (key, x[0], w, d))
            if stage.name == DETECT:  # the last, as `check_text` has seen to
                self._refuse_zero(x, zero, root)
                return self._detector(stage, scope, stages, input_shape, depths)
            unfold = self.unfolder.stage
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

    def define_vars(self) -> None:
        """Evaluate the vars in order.

        Raises:
            RuleError: the values break a rule.
        """
        scope = Scope({}, Wide(3), self.space.callees, True, 1.0, 1.0, "", "vars")
        for var in self.space.architecture.vars:
            self.evaluator.define(var.name, self.evaluator.value(var.value, scope))
        self.rules.check_early(self.evaluator)

    def _set_defaults(self, options: Mapping[str, ast.Expr]) -> Hashable:
        """Evaluate the defaults of the text, behind the vars; return a key that is the same where all of them are."""
        values: dict[str, Bound] = {}
        scope = Scope({}, Wide(3), self.space.callees, True, 1.0, 1.0, "", "vars")
        for name in TEXT_DEFAULTS:
            if name in options:
                values[name] = value = self.evaluator.value(options[name], scope)
                self.evaluator.placed(options[name], scope, lambda: check_default(name, value))  # noqa: B023
        if not values:
            return None
        key = self.shared.keys.of((tuple(values.items()), tuple(map(type, values.values()))))
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
