"""A training as one HTML page that needs nothing else: curves, what was mistaken for what, the surest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archlab.files import write_atomic
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.static_plots import Series, static_scatter
from archlab.report.svg import Point
from archlab.report.training_info import (
    MOST_CLASSES,
    accuracy_curve,
    class_rows,
    loss_curves,
    mistakes,
    pairs,
    shade,
)
from archlab.train.outcome import Outcome

STYLES = ("page.css", "tables.css", "training.css", "print.css")
SCRIPTS = ("report.js",)


def write_training_page(outcome: Outcome, path: Path) -> None:
    """Write the page of a training to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_training_page(outcome))


def render_training_page(outcome: Outcome) -> str:
    """Return the page as HTML, the same for the same outcome."""
    history, test, classes = outcome.trained.history, outcome.test, outcome.judged.classes
    training, held_out = loss_curves(history)
    losses = (_series("scored", training), _series("front", held_out))
    accuracies = (_series("front", accuracy_curve(history)),)
    return environment().get_template("training.html").render(
        title=f"{outcome.metrics['network']}, trained",
        metrics=outcome.metrics,
        trained=outcome.trained,
        test=test,
        judged="test" if test is not outcome.trained.last else "held-out",
        classes=classes,
        loss_plot=static_scatter(losses, "epoch", "loss (nats)"),
        accuracy_plot=static_scatter(accuracies, "epoch", "held-out accuracy (%)"),
        confusion=test.confusion.tolist() if len(classes) <= MOST_CLASSES else [],
        shade=shade,
        pairs=pairs(test, classes),
        rows=class_rows(test, classes),
        mistakes=mistakes(test, outcome.judged),
        csp=policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({}),
    )  # fmt: skip


def _series(role: str, points: Sequence[Point]) -> Series:
    """Return a line, or a dot where there is one point only."""
    return Series(role, points, joined=len(points) > 1)
