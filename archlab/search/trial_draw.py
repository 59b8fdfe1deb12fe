"""Draws for a search: an Optuna trial's, and mutations of a draw that is known."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archlab.elaborate import Draw, Hole, Random, Value


def distribution_of(hole: Hole) -> BaseDistribution:
    """Return what Optuna draws a hole's parameter from."""
    if hole.labels:
        return CategoricalDistribution(hole.labels)
    if not hole.step:
        return FloatDistribution(hole.lo, hole.hi)
    # A range such as [1..6 step 2] ends at 5: Optuna wants the last value that is drawn.
    last = hole.value_at(hole.steps())
    if isinstance(hole.lo, int) and isinstance(hole.step, int):
        return IntDistribution(hole.lo, int(last), step=hole.step)
    return FloatDistribution(hole.lo, last, step=hole.step)


class FromTrial:
    """The draw in which an Optuna trial suggests the value of every searched hole, under the hole's own name."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def __call__(self, hole: Hole) -> Value:
        if not hole.searched:
            return hole.default
        if hole.labels:
            return cast(Value, self._trial.suggest_categorical(hole.name, list(hole.labels)))
        if not hole.step:
            return self._trial.suggest_float(hole.name, hole.lo, hole.hi)
        last = hole.value_at(hole.steps())
        if isinstance(hole.lo, int) and isinstance(hole.step, int):
            return self._trial.suggest_int(hole.name, hole.lo, int(last), step=hole.step)
        return on_step(hole, self._trial.suggest_float(hole.name, hole.lo, last, step=hole.step))


class FromParams:
    """The draw that takes the values of a trial's parameters; ``KeyError`` for a hole of which it has none."""

    def __init__(self, params: Mapping[str, Value]) -> None:
        self._params = params

    def __call__(self, hole: Hole) -> Value:
        if not hole.searched:
            return hole.default
        value = self._params[hole.name]
        return on_step(hole, value) if hole.step and not hole.labels else value


class Noting:
    """The draw that another one makes, with every searched hole that it was asked for noted in ``holes``."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.holes: dict[str, Hole] = {}

    def __call__(self, hole: Hole) -> Value:
        if hole.searched:
            self.holes[hole.name] = hole
        return self._draw(hole) if hole.searched else hole.default


class Changed:
    """The draw that keeps the values of a known one but for one hole; holes that come into being take their default."""

    def __init__(self, base: Mapping[str, Value], name: str, value: Value) -> None:
        self._values = {**base, name: value}

    def __call__(self, hole: Hole) -> Value:
        value = self._values.get(hole.name, hole.default)
        return value if hole.searched and hole.contains(value) else hole.default


def on_step(hole: Hole, value: Value) -> Value:
    """Return a number of a stepped range as the language writes it, without the rounding of float arithmetic."""
    return hole.value_at(round((cast(float, value) - hole.lo) / hole.step))


class Mutation:
    """The draw that keeps each value of a known one, and now and then draws it again."""

    def __init__(self, base: Mapping[str, Value], rng: random.Random, rate: float) -> None:
        self._base = base
        self._rng = rng
        self._rate = rate
        self._random = Random(rng)

    def __call__(self, hole: Hole) -> Value:
        kept = hole.name in self._base and hole.contains(self._base[hole.name])
        if kept and self._rng.random() >= self._rate:
            return self._base[hole.name]
        return self._random(hole)
