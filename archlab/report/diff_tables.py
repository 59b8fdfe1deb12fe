"""Two networks side by side, for the terminal: what changed block by block, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from archlab.errors import printable
from archlab.report.terminal_tables import WHAT_FITS, Choice, print_fitted, print_lines, safe, table_of
from archlab.structure.compare import Diff, Pair, inputs_in_words
from archlab.structure.found import COSTS
from archlab.units import format_bytes, format_change, format_count

TOTALS_HEADINGS = ("before", "after", "difference", "percent")
"""The columns of the totals beside their names."""

MARKS = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
_WORDS = {"params": "params", "macs": "MACs", "memory": "memory"}
_FORMATS = {"params": format_count, "macs": format_count, "memory": format_bytes}


@dataclass(frozen=True, slots=True)
class CostChange:
    """A cost of both networks, or of a part of them, as it is written."""

    name: str
    before: str
    after: str
    difference: str
    percent: str

    @property
    def in_words(self) -> str:
        """The difference, with the percent where there is one."""
        return f"{self.difference} ({self.percent})" if self.percent else self.difference


def cost_changes(costs: dict[str, tuple[int, int]]) -> tuple[CostChange, ...]:
    """Return costs of both sides with their difference, absolute and in percent of the first."""
    return tuple(
        CostChange(
            _WORDS[name],
            _FORMATS[name](before),
            _FORMATS[name](after),
            difference(name, before, after),
            format_change(before, after),
        )
        for name, (before, after) in costs.items()
    )


def difference(name: str, before: int, after: int) -> str:
    """Return how much more the second is, with its sign; nothing where they are equal.

    >>> difference("macs", 4_000, 1_000), difference("memory", 0, 2048), difference("params", 1, 1)
    ('−3.000 k', '+2.000 KiB', '')
    """
    if before == after:
        return ""
    return f"{'+' if after > before else '−'}{_FORMATS[name](abs(after - before))}"


def pair_costs(pair: Pair) -> tuple[CostChange, ...]:
    """Return the costs of a run of blocks on both sides."""
    return cost_changes({cost: pair.costs(cost) for cost in COSTS})


def print_diff(console: Console, diff: Diff, choice: Choice = WHAT_FITS) -> None:
    """Print what changed, section by section, and the totals."""
    print_lines(console, [printable(f"{diff.a.name} → {diff.b.name}  {inputs_in_words(diff)}")], "bold")
    for section in diff.sections:
        if not section.is_same:
            print_lines(console, ["", printable(section.name)], "bold")
            for pair in section.pairs:
                print_lines(console, pair_lines(pair), "dim" if pair.state == "same" else "")
    print_fitted(console, totals_table(diff), choice=choice)
    print_lines(console, diff_lines(diff))


def pair_lines(pair: Pair) -> Iterator[str]:
    """Yield the lines of a run of blocks: its sign and what it is, what changed, and what that costs."""
    run = pair.b or pair.a
    assert run is not None
    yield f"{MARKS[pair.state]} {printable(run.label)}"
    if pair.state == "changed":
        yield f"    {printable(changed_in_words(pair))}"
    costs = [f"{cost.name} {cost.in_words}" for cost in pair_costs(pair) if cost.difference]
    yield from _in_lines(costs)


def _in_lines(costs: list[str]) -> Iterator[str]:
    """Yield costs side by side in lines that fit 80 columns behind two of indentation, none of them broken."""
    line = ""
    for cost in costs:
        longer = f"{line}  {cost}" if line else f"    {cost}"
        if line and len(longer) > 78:
            yield line
            longer = f"    {cost}"
        line = longer
    if line:
        yield line


def changes_table(diff: Diff) -> Table:
    """Return a row for each run of blocks of the sections in which something changed."""
    table = table_of("block", "changed", "params", "MACs", "MACs %", "memory")
    table.columns[1].justify, table.columns[1].no_wrap = "left", False
    for section in diff.sections:
        if section.is_same:
            continue
        table.add_row(safe(section.name))
        for pair in section.pairs:
            params, macs, memory = pair_costs(pair)
            run = pair.b or pair.a
            assert run is not None
            cells = (params.difference, macs.difference, macs.percent, memory.difference)
            table.add_row(f"{MARKS[pair.state]} {safe(run.label)}", safe(changed_in_words(pair)), *cells)
        table.add_section()
    return table


def changed_in_words(pair: Pair) -> str:
    """Return what changed in a run of blocks, or that it is new or gone."""
    return ", ".join(map(str, pair.changes)) if pair.state == "changed" else "" if pair.state == "same" else pair.state


def totals_table(diff: Diff) -> Table:
    """Return the costs of both networks."""
    table = table_of("total", *TOTALS_HEADINGS)
    for row in cost_changes(diff.totals()):
        table.add_row(row.name, row.before, row.after, row.difference, row.percent)
    return table


def diff_lines(diff: Diff) -> Iterator[str]:
    """Yield what stands below the tables: what is the same, and how both differ where no block does."""
    if diff.equal:
        yield "they compute the same"
        return
    same = [section.name for section in diff.sections if section.is_same]
    if same:
        yield f"the same: {', '.join(same)}"
    if all(section.is_same for section in diff.sections):
        inputs = diff.a.graph.input_shape, diff.b.graph.input_shape
        yield "the blocks are the same; " + (
            "the input is not"
            if inputs[0] != inputs[1]
            else "how they are wired to each other, or what is put out, is not"
        )
    yield "Memory: the bytes that operators put out, one image in fp32."
