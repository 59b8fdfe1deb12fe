"""Prints tables to the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.report.network_tables import (
    CONVENTION,
    HEADINGS,
    SPACES_HEADINGS,
    SPACES_SPARE,
    SPARE,
    network_lines,
    network_table,
    spaces_table,
)
from archlab.report.terminal_tables import WHAT_FITS, Choice, console_for, print_fitted, print_lines

if TYPE_CHECKING:
    from archlab.elaborate import Network
    from archlab.measured import Recount
    from archlab.search.result import SearchResult

__all__ = ["HEADINGS", "SPACES_HEADINGS", "print_network", "print_search", "print_spaces"]


def print_spaces(rows: list[dict[str, Any]], choice: Choice = WHAT_FITS) -> None:
    """Print the shipped spaces."""
    console = console_for()
    print_fitted(console, spaces_table(rows), SPACES_SPARE, choice)
    print_lines(console, ["A space's counts are those of its default draw. " + CONVENTION], "dim")


def print_network(network: Network, by: str, count: Recount | None = None, choice: Choice = WHAT_FITS) -> None:
    """Print a network's cost by stage, block or operator, with its totals."""
    console = console_for()
    print_fitted(console, network_table(network, by), SPARE, choice)
    print_lines(console, network_lines(network, count))
    print_lines(console, [CONVENTION + " Memory: peak of live activations, batch 1, fp32."], "dim")


def print_search(result: SearchResult, folder: Path, choice: Choice = WHAT_FITS) -> None:
    """Print the finalists of a search, how its trials ended, and where the files in ``folder`` are."""
    from archlab.report.search_summary import file_lines, print_tables, trial_lines

    console = console_for()
    if not result.finalists:
        print_lines(console, ["no candidate was scored"])
    print_tables(console, result, choice)
    print_lines(console, trial_lines(result))
    print_lines(console, [CONVENTION], "dim")
    for line in file_lines(result, folder):  # to be copied, and so never folded
        console.print(line, markup=False, soft_wrap=True)
