"""An audit's counts broken down by module, stage, kind of operator and call, as data and as plain rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.audit.counts import Counts
from archlab.audit.findings import Module, Operator, Uncounted
from archlab.audit.rules.settings import NAMES as SETTINGS
from archlab.errors import InputError, did_you_mean

TABLES = ("module", "stage", "op", "operator")

_NEARLY_ALL = 2 / 3
_DEEPEST_STAGE = 3


def stages_of(modules: Sequence[Module]) -> tuple[Module, ...]:
    """Return the coarsest useful parts of a model, in its order: those that ran or hold parameters.

    These are the model's children. A child that has more than two thirds of the MACs (of the parameters, where there
    are no MACs) is taken apart itself.
    """
    children: dict[str, list[Module]] = {}
    for module in modules:
        if module.path:
            children.setdefault(module.path.rpartition(".")[0], []).append(module)
    return tuple(_taken_apart(modules[0], children, modules[0], 0))


def _taken_apart(module: Module, children: dict[str, list[Module]], whole: Module, depth: int) -> list[Module]:
    inside = [child for child in children.get(module.path, []) if child.operators or child.params]
    if not inside:
        return [module] if module.path else []
    parts: list[Module] = []
    for child in inside:
        share = child.macs / whole.macs if whole.macs else child.params / whole.params if whole.params else 0.0
        finer = share > _NEARLY_ALL and depth < _DEEPEST_STAGE
        grandchildren = _taken_apart(child, children, whole, depth + 1) if finer else []
        parts += grandchildren if len(grandchildren) > 1 else [child]
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class OpTotal(Counts):
    """The counts of all ``calls`` of one kind of operator."""

    op: str
    calls: int


def totals_by_op(operators: Iterable[Operator]) -> tuple[OpTotal, ...]:
    """Add up the calls of each kind of operator, in the order in which the kinds first run."""
    calls: dict[str, list[Operator]] = {}
    for operator in operators:
        calls.setdefault(operator.op, []).append(operator)
    return tuple(OpTotal(op=op, calls=len(group), **sum(group, start=Counts()).counts()) for op, group in calls.items())


def largest_first(totals: Iterable[OpTotal]) -> list[OpTotal]:
    """Sort totals by MACs, then by bytes written, then by name."""
    return sorted(totals, key=lambda total: (-total.macs, -total.written, total.op))


def uncounted_in(operators: Iterable[Operator]) -> tuple[Uncounted, ...]:
    """Return the operators whose arithmetic is not known, most frequent first."""
    places: dict[str, list[str]] = {}
    for operator in operators:
        if not operator.counted:
            places.setdefault(operator.target, []).append(operator.module)
    rows = (Uncounted(op, len(at), tuple(dict.fromkeys(at))) for op, at in places.items())
    return tuple(sorted(rows, key=lambda row: (-row.times, row.op)))


# --- rows --------------------------------------------------------------------------------------------------------


def table_rows(by: str, modules: Sequence[Module], operators: Sequence[Operator]) -> list[dict[str, Any]]:
    """Return the rows of one table.

    Args:
        by: ``module``, ``stage``, ``op`` (totals of each kind of operator) or ``operator`` (every call).

    Raises:
        InputError: there is no such table.
    """
    match by:
        case "module":
            return [module_row(m) for m in modules]
        case "stage":
            return [module_row(m) for m in stages_of(modules)]
        case "op":
            return [{"op": t.op, "calls": t.calls, **t.counts()} for t in largest_first(totals_by_op(operators))]
        case "operator":
            return [operator_row(o) for o in operators]
    raise InputError(f"there is no table by {by!r}", hint=did_you_mean(by, TABLES))


def module_row(module: Module) -> dict[str, Any]:
    """Return a module's row."""
    return {
        "path": module.path,
        "kind": module.kind,
        "calls": module.calls,
        "params": module.params,
        "shared": module.shared,
        "own": module.own,
        "operators": module.operators,
        **module.counts(),
        "memory": module.memory,
        "intensity": round(module.intensity, 3),
        "latency": module.latency,
        "own_latency": module.own_latency,
    }


def operator_row(operator: Operator) -> dict[str, Any]:
    """Return an operator's row."""
    return {
        "name": operator.name,
        "op": operator.op,
        "target": operator.target,
        "module": operator.module,
        "inputs": list(operator.inputs),
        "takes": [list(shape) for shape in operator.takes],
        **{name: _plain(operator.settings.get(name)) for name in SETTINGS},
        "shapes": [list(shape) for shape in operator.shapes],
        "dtype": operator.dtype,
        "params": list(operator.params),
        **operator.counts(),
        "live": operator.live,
        "counted": operator.counted,
        "intensity": round(operator.intensity, 3),
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def ratios(base: Mapping[str, int], totals: Mapping[str, int]) -> dict[str, float]:
    """Divide each total by the one of its name in ``base``, where that is not zero."""
    return {name: round(value / base[name], 4) for name, value in totals.items() if base[name]}
