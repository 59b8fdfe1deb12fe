"""What a layer is set to and takes, as cells: for operators, and for modules that are one layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from archlab.audit.audit_result import Audit
from archlab.audit.findings import Operator
from archlab.audit.rules.settings import NAMES
from archlab.ir import Shape, show_shape

INPUT = "input"
LAYER_HEADINGS = (INPUT, *NAMES)
"""The headings of these cells in a terminal."""

_PLAIN = {"padding": 0, "dilation": 1, "groups": 1}
"""Settings that say nothing, and are left blank."""


def layers_of(audit: Audit) -> dict[str, Operator]:
    """Return by path the first operator of each module that is one layer.

    Nothing else runs in it, or nothing else that has settings; it may run several times, with the same settings.
    """
    runs: dict[str, list[Operator]] = {}
    for operator in audit.operators:
        runs.setdefault(operator.module, []).append(operator)
    outer = {above for path in runs for above in _above(path)}
    single = {path: found if len(found) == 1 else [o for o in found if o.settings] for path, found in runs.items()}
    return {
        path: found[0]
        for path, found in single.items()
        if found and path not in outer and all(o.settings == found[0].settings for o in found)
    }


def _above(path: str) -> Iterable[str]:
    while path:
        path = path.rpartition(".")[0]
        yield path


def layer_cells(operator: Operator | None, shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """Return the cells of a layer below ``LAYER_HEADINGS``; all blank without one.

    Args:
        operator: the layer.
        shapes: the shapes of the model's parameters, by name.
    """
    if operator is None:
        return ("",) * len(LAYER_HEADINGS)
    return taken_by(operator, shapes), *(_setting(operator, name) for name in NAMES)


def settings_in_words(operator: Operator) -> str:
    """Return the settings as one text, such as ``kernel 3x3, stride 2x2``."""
    cells = ((name, _setting(operator, name)) for name in NAMES)
    return ", ".join(f"{name} {cell}" for name, cell in cells if cell)


def taken_by(operator: Operator, shapes: Mapping[str, Shape]) -> str:
    """Return the shapes that an operator takes, but those of parameters."""
    weights = Counter(tuple(shapes[name]) for name in operator.params if name in shapes)
    taken = []
    for shape in reversed(operator.takes):  # parameters come last, but for look-ups
        if weights[tuple(shape)] > 0:
            weights[tuple(shape)] -= 1
        else:
            taken.append(show_shape(shape))
    return " ".join(_few(reversed(taken)))


def _few(shapes: Iterable[str]) -> list[str]:
    found = list(shapes)
    return found if len(found) <= 3 else [*found[:3], f"+{len(found) - 3}"]


def _setting(operator: Operator, name: str) -> str:
    value = operator.settings.get(name, "")
    if isinstance(value, tuple):
        return "" if set(value) <= {_PLAIN.get(name)} else "x".join(map(str, value))
    return "" if value == _PLAIN.get(name) else str(value)
