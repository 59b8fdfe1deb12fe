"""The coarsest useful parts of a model: its children, and the children of one that is nearly all of it."""

from __future__ import annotations

from collections.abc import Sequence

from archlab.audit.counted import Module

_NEARLY_ALL = 2 / 3
_DEEPEST = 3


def stages(modules: Sequence[Module]) -> tuple[Module, ...]:
    """The parts that ran or hold parameters, in the order of the model.

    A child that has more than two thirds of the MACs (of the parameters, where there are none) is taken apart itself.
    """
    children: dict[str, list[Module]] = {}
    for module in modules:
        if module.path:
            children.setdefault(module.path.rpartition(".")[0], []).append(module)
    return tuple(_open(modules[0], children, modules[0], 0))


def _open(module: Module, children: dict[str, list[Module]], whole: Module, depth: int) -> list[Module]:
    inside = [child for child in children.get(module.path, []) if child.operators or child.params]
    if not inside:
        return [module] if module.path else []
    parts: list[Module] = []
    for child in inside:
        share = child.macs / whole.macs if whole.macs else child.params / whole.params if whole.params else 0.0
        taken_apart = _open(child, children, whole, depth + 1) if share > _NEARLY_ALL and depth < _DEEPEST else []
        parts += taken_apart if len(taken_apart) > 1 else [child]
    return parts
