"""One line on standard error while many models are audited."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from archlab.audit.many import Watch

PATIENCE = 2.0


@contextlib.contextmanager
def progress_line() -> Iterator[Watch]:
    """A watcher that tells, on a terminal and once two seconds have passed, which model is being audited."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from time import monotonic

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=16),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=console, transient=True, disable=False) as progress:
        task = progress.add_task("", total=1, visible=False)

        def watch(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total, visible=monotonic() - began > PATIENCE)

        yield watch
