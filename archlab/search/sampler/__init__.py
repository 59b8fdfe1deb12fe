"""Samplers by name: ours, which counts before it draws and ranks before it evaluates, and Optuna's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from archlab.errors import InputError, did_you_mean
from archlab.search.choices import SAMPLERS

if TYPE_CHECKING:
    import optuna

    from archlab.cost import Budget
    from archlab.elaborate import Interpreter

__all__ = ["make_sampler"]


def make_sampler(
    name: str,
    interpreter: Interpreter,
    budget: Budget,
    seed: int,
    metrics: Sequence[str | None],
    drawn: int = 0,
    note: Callable[[str], None] | None = None,
) -> optuna.samplers.BaseSampler:
    """Make the sampler ``name`` for a study.

    Args:
        metrics: for each objective the closed-form metric that it is, or None.
        drawn: how many trials the study has: Optuna's samplers continue with other numbers than those they began with.
        note: called with a sentence about what is amiss; see ``ScreenSampler``.

    Raises:
        InputError: no sampler has that name.
    """
    import optuna

    if name == "screen":
        from archlab.search.sampler.screen import ScreenSampler

        return ScreenSampler(interpreter, budget, seed, metrics, note)
    seed = (seed + 1_000_003 * drawn) % 2**32  # numpy takes no larger
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    raise InputError(f"no sampler is named {name!r}", hint=did_you_mean(name, SAMPLERS))
