"""How a search's stages are watched: by a bar on a terminal, by lines in a log, and not at all with ``--quiet``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archlab.cli.quiet import is_quiet

if TYPE_CHECKING:
    from rich.console import Console

    from archlab.search.study.history import Progress


def watcher(console: Console, tell: Callable[[str], None]) -> Progress:
    """Return what makes a watcher of each stage.

    Args:
        tell: where what a log is to say is put, as ``archlab.cli.progress.progress`` yields it.
    """
    from archlab.search.progress_line import progress_line
    from archlab.search.study.history import no_progress

    return no_progress if is_quiet() else lambda stage: progress_line(stage, console, tell)
