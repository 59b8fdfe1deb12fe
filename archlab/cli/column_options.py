"""The two options of every command that prints a table: which columns it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlab.cli.help_text import in_group

Command = Callable[..., Any]


def column_options(command: Command) -> Command:
    """Add ``--columns`` and ``--wide``, which arrive as ``columns`` and ``wide``."""
    output = in_group("Output")
    columns = output("--columns", metavar="NAME,NAME", help="Show these columns of the table.  [default: what fits]")
    return columns(output("--wide", is_flag=True, help="Show all columns, however wide.")(command))
