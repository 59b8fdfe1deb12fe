"""Which modules of a model are kept opaque: the smallest that contain what cannot be said and can stand alone."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from archlab.errors import LiftError
from archlab.lift.canonical.step import Refusal
from archlab.lift.lift_trace import read_trace
from archlab.lift.opaque.whole_module import NotAloneError, WholeModule, is_under, whole_module, with_whole_modules
from archlab.lift.trace import Trace
from archlab.ops import OPAQUE


def keep_opaque(model: nn.Module, trace: Trace, name: str, output: str | None) -> tuple[Trace, tuple[str, ...]]:
    """Return ``trace`` with an operator ``opaque`` for each module that cannot be said, and the paths of these.

    The first place that cannot be said decides; what follows from it is gone when its module is one operator.

    Raises:
        LiftError: something cannot be said, and no module around it but the model itself can stand alone.
        InputError: there is no such output.
    """
    kept: dict[str, WholeModule] = {}
    shown = trace
    while refusals := read_trace(shown, name, output).refusals:
        module = _around(model, trace, _place(model, shown, refusals[0]), refusals[0], name)
        kept = {path: one for path, one in kept.items() if not is_under(path, module.path)}
        kept[module.path] = module
        shown = with_whole_modules(trace, kept.values())
    return shown, tuple(kept)


def _place(model: nn.Module, trace: Trace, refusal: Refusal) -> str:
    """Return the path of the smallest module that could be kept for a refusal; of one that is kept, the one around."""
    if refusal.call >= 0:
        call = trace.calls[refusal.call]
        return call.module.rpartition(".")[0] if call.op == OPAQUE else call.module
    modules = {path for path, _ in model.named_modules(remove_duplicate=False)}
    return next((path for path in _upwards(refusal.module) if path in modules), "")


def _around(model: nn.Module, trace: Trace, place: str, refusal: Refusal, name: str) -> WholeModule:
    whys: list[str] = []
    for path in _upwards(place):
        try:
            return whole_module(model, trace, path)
        except NotAloneError as error:
            whys.append(f"{path} {error}")
    tried = "; ".join(whys) or "it is in the model itself"
    reason = f"{refusal}. No module around it can be kept opaque: {tried}"
    raise LiftError(f"{name} cannot be said in the language: {reason}", reasons=[reason])


def _upwards(path: str) -> Iterator[str]:
    """Yield the path of a module and of those around it, without the model's own.

    >>> list(_upwards("layer1.0.attn"))
    ['layer1.0.attn', 'layer1.0', 'layer1']
    """
    while path:
        yield path
        path = path.rpartition(".")[0]
