"""Samplers by name: ours, which counts before it draws and ranks before it evaluates, and Optuna's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

    from archlab.cost import Budget
    from archlab.elaborate import Interpreter
    from archlab.search.own_code import OwnRules

__all__ = ["make_sampler"]


def make_sampler(
    name: str,
    interpreter: Interpreter,
    budget: Budget,
    seed: int,
    metrics: Sequence[str | None],
    drawn: int = 0,
    note: Callable[[str], None] | None = None,
    own: OwnRules | None = None,
) -> optuna.samplers.BaseSampler:
    """Make the sampler ``name`` for a study.

    Args:
        metrics: for each objective the closed-form metric that it is, or None.
        drawn: how many trials the study has: Optuna's samplers continue with other numbers than those they began with.
        own: a user's own metrics and filters, which Optuna's samplers do not look at.
        note: called with a sentence about what is amiss; see ``ScreenSampler``.

    Raises:
        KeyError: no sampler has that name; ``choices.SAMPLERS`` has all.
    """
    import optuna

    if name == "screen":
        from archlab.search.sampler.screen import ScreenSampler

        return ScreenSampler(interpreter, budget, seed, metrics, note, own)
    seed = (seed + 1_000_003 * drawn) % 2**32  # numpy takes no larger
    theirs: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
    }
    return theirs[name]()
