"""Prints tables to the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.report.network_tables import CONVENTION, network_lines, network_table, spaces_table
from archlab.report.terminal_tables import console_for

if TYPE_CHECKING:
    from archlab.elaborate import Network
    from archlab.measured import Recount
    from archlab.search.result import SearchResult


def print_spaces(rows: list[dict[str, Any]]) -> None:
    """Print the shipped spaces."""
    console = console_for()
    console.print(spaces_table(rows))
    console.print("A space's counts are those of its default draw. " + CONVENTION, style="dim")


def print_network(network: Network, by: str, count: Recount | None = None) -> None:
    """Print a network's cost by stage, block or operator, with its totals."""
    console = console_for()
    console.print(network_table(network, by))
    for line in network_lines(network, count):
        console.print(line)
    console.print(CONVENTION + " Memory: peak of live activations, batch 1, fp32.", style="dim")


def print_search(result: SearchResult, folder: Path) -> None:
    """Print the finalists of a search, how its trials ended, and where the files in ``folder`` are."""
    from archlab.report.search_summary import file_lines, finalists_table, stages_table, trial_lines

    console = console_for()
    if result.finalists:
        console.print(finalists_table(result, console))
    else:
        console.print("no candidate was scored")
    if len(result.stages) > 1:
        console.print(stages_table(result))
    for line in trial_lines(result):
        console.print(line, markup=False)
    console.print(CONVENTION, style="dim")
    for line in file_lines(result, folder):
        console.print(line, markup=False, soft_wrap=True)
