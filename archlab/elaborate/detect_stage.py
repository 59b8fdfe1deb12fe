"""The stage ``detect`` of a text, read: what neck and box head it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from archlab.detector import DetectorSpec
from archlab.elaborate.arithmetic import describe, number, whole_channels
from archlab.elaborate.evaluator import Evaluator
from archlab.elaborate.language import DETECT, DETECT_ORDER, DETECT_PARTS, DETECT_USAGE
from archlab.elaborate.scope import Scope
from archlab.grammar import ast

MAX_COUNT = 1_000_000
MAX_SIDE = 1024
_LAST_LEVEL = 20
_USUAL = DetectorSpec()


@dataclass(frozen=True, slots=True)
class DetectorRequest:
    """What a text asks for, before its levels are looked for on the backbone.

    Attributes:
        spec: all but the levels.
        finest, coarsest: the first and the last level, such as 2 for p2; 0 for what the backbone gives.
        neck: the neck's call, for what is wrong with the levels.
    """

    spec: DetectorSpec
    finest: int
    coarsest: int
    neck: ast.Expr


class DetectStageReader:
    """Reads the stage under one draw."""

    def __init__(self, evaluator: Evaluator, divisor: int) -> None:
        self.evaluator = evaluator
        self.divisor = divisor

    def read(self, body: ast.Expr, scope: Scope) -> DetectorRequest:
        """Return what ``body`` asks for.

        Raises:
            ElaborationError: it is no neck, RoI align or pooling, and box head, or an argument does not fit.
        """
        parts = self._parts(body, scope)
        for i, part in enumerate(parts):
            name = part.name if isinstance(part, ast.Call | ast.Name) else "a value"
            if i >= len(DETECT_ORDER):
                raise self.evaluator.error(f"nothing may stand behind box_head, not {name} either", part, scope, _HINT)
            if name not in DETECT_ORDER[i]:
                wanted = " or ".join(DETECT_ORDER[i])
                raise self.evaluator.error(f"{wanted} should stand here, not {name}", part, scope, _HINT)
        if len(parts) < len(DETECT_ORDER):
            wanted = " or ".join(DETECT_ORDER[len(parts)])
            raise self.evaluator.error(f"{DETECT} lacks {wanted} behind {_name(parts[-1])}", parts[-1], scope, _HINT)
        neck, pool, head = (_arguments(part) for part in parts)
        # Before the neck's width: holes keep the order in which they were always met.
        size = self._size(pool["n"], scope) if "n" in pool else _USUAL.size
        spec = DetectorSpec(
            width=self._channels(neck["c"], scope),
            pool=cast(Literal["roi_align", "roi_pool"], _name(parts[1])),
            size=size,
            sampling=self._whole(pool, "sampling", scope, 1, 64),
            aligned=bool(self._whole(pool, "aligned", scope, 0, 1)),
            canonical=self._side(pool["canonical"], scope) if "canonical" in pool else _USUAL.canonical,
            rois=self._whole(pool, "rois", scope, 1, MAX_COUNT),
            head_width=self._channels(head["c"], scope),
            classes=self._whole(head, "classes", scope, 1, MAX_COUNT),
        )
        finest, coarsest = (self._whole(neck, name, scope, 0, _LAST_LEVEL) for name in ("finest", "coarsest"))
        if finest > coarsest > 0:
            message = f"the finest level {finest} is coarser than the coarsest, {coarsest}"
            raise self.evaluator.error(message, parts[0], scope, "write finest=2, coarsest=5 for p2 to p5")
        return DetectorRequest(spec, finest, coarsest, parts[0])

    def _parts(self, expr: ast.Expr, scope: Scope) -> list[ast.Expr]:
        """Return the parts in order, the draw's choices taken."""
        match expr:
            case ast.Sequence(items=items):
                return [part for item in items for part in self._parts(item, scope)]
            case ast.Choice():
                return self._parts(self.evaluator.option(expr, scope), scope)
            case ast.Conditional():
                return self._parts(self.evaluator.branch(expr, scope), scope)
            case _:
                return [expr]

    def _channels(self, expr: ast.Expr, scope: Scope) -> int:
        value = self.evaluator.value(expr, scope)
        return int(
            self.evaluator.placed(
                expr,
                scope,
                lambda: whole_channels(number(value, "c"), scope.width, self.divisor),
            )
        )

    def _whole(self, given: Mapping[str, ast.Expr], name: str, scope: Scope, least: int, most: int) -> int:
        if name not in given:
            return cast(int, _DEFAULTS[name])
        value = self.evaluator.value(given[name], scope)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            found = describe(value)
            raise self.evaluator.error(
                f"{name} must be a whole number from {least} to {most}, not {found}", given[name], scope
            )
        return value

    def _size(self, expr: ast.Expr, scope: Scope) -> tuple[int, int]:
        value = self.evaluator.value(expr, scope)
        pair = value if isinstance(value, tuple) else (value, value)
        if len(pair) != 2 or not all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in pair):
            found = describe(value)
            raise self.evaluator.error(
                f"n must be a whole number from 1 to {MAX_SIDE}, or a size, not {found}", expr, scope
            )
        return cast(tuple[int, int], pair)

    def _side(self, expr: ast.Expr, scope: Scope) -> float:
        value = self.evaluator.value(expr, scope)
        if not isinstance(value, int | float) or not 0 <= value <= MAX_COUNT:
            raise self.evaluator.error(
                f"canonical must be a side in pixels, or 0 for what the input gives, not {describe(value)}", expr, scope
            )
        return value


_HINT = f"write  {DETECT_USAGE}"
_DEFAULTS = {name: default for part in DETECT_PARTS.values() for name, default in part.params.items()}


def _name(part: ast.Expr) -> str:
    return part.name if isinstance(part, ast.Call | ast.Name) else ""


def _arguments(part: ast.Expr) -> dict[str, ast.Expr]:
    if not isinstance(part, ast.Call):
        return {}
    return dict(zip(DETECT_PARTS[part.name].params, part.args, strict=False)) | dict(part.keywords)
