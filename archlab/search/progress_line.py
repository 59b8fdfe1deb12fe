"""What a search says on standard error while it runs: trials, feasible share, best score, time left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from archlab.errors import printable
from archlab.search.plan import Stage
from archlab.search.study.history import History, Watch
from archlab.units import format_percent, format_seconds


@contextlib.contextmanager
def progress_line(stage: Stage, console: Console, tell: Callable[[str], None] = lambda _: None) -> Iterator[Watch]:
    """Make a watcher that keeps a line up to date on a terminal, and elsewhere says it to ``tell``."""
    began = time.monotonic()
    before: int | None = None

    def left(history: History) -> str:
        nonlocal before
        before = history.evaluated if before is None else before
        return _left(stage, history, before, began)

    if not console.is_terminal:
        yield lambda history, note: tell(line_of(stage, history, note or left(history)))
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.completed:.0f}/{task.total:.0f} trials"),
        TextColumn("{task.fields[feasible]}"),
        TextColumn("{task.fields[best]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(printable(stage.study)), total=stage.trials, feasible="", best="", left="")

        def watch(history: History, note: str) -> None:
            progress.update(
                task,
                completed=history.evaluated,
                feasible=_feasible(stage, history),
                best=_best(stage, history),
                left=printable(note) or left(history),
            )

        yield watch


def line_of(stage: Stage, history: History, last: str) -> str:
    """Return the line of a log: the study, its trials, the feasible share, the best, and what is ``last``."""
    facts = (f"{history.evaluated} of {stage.trials} trials", _feasible(stage, history), _best(stage, history), last)
    return f"{stage.study}: {', '.join(filter(None, facts))}"


def _feasible(stage: Stage, history: History) -> str:
    if not history.trials:
        return ""
    if stage.number > 1:
        return ""
    over = sum(trial.state == "over_budget" for trial in history.trials)
    return f"{format_percent(1 - over / len(history.trials), 0)} within budget"


def _best(stage: Stage, history: History) -> str:
    goal = stage.goals[0]
    values = [trial.values[goal.name] for trial in history.scored()]
    if not values:
        return ""
    best = max(values) if goal.objective.direction == "maximize" else min(values)
    return f"best {printable(goal.name)} {best:.4g}"


def _left(stage: Stage, history: History, before: int, began: float) -> str:
    done = history.evaluated - before
    if not done or history.evaluated >= stage.trials:
        return ""
    left = (time.monotonic() - began) / done * (stage.trials - history.evaluated)
    if stage.timeout is not None:
        left = min(left, max(0.0, stage.timeout - (time.monotonic() - began)))
    return f"{format_seconds(max(left, 1.0))} left"
