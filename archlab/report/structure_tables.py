"""The structure of a network as tables for the terminal: how many blocks of each kind, and block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from archlab.errors import printable
from archlab.ir import show_shape
from archlab.report.terminal_tables import WHAT_FITS, Choice, print_fitted, print_lines, safe, share, table_of
from archlab.structure.found import COSTS, KINDS, Block, Structure
from archlab.structure.runs import place_of, runs_of
from archlab.units import format_bytes, format_count

KINDS_SPARE = ("memory",)
SECTIONS_SPARE = ("share", "memory", "channels")
"""Columns that leave where the table does not fit, the first first."""

STRUCTURE_HEADINGS = ("count", "where", "channels", "output")
"""Columns of these tables that an audit's others do not have."""

MOST_UNPLACED = 12
NOTE = (
    "Found by wiring, not by names. Memory: the bytes that a block's operators put out, one image in fp32. "
    "Indented rows are parts of the others."
)


@dataclass(frozen=True, slots=True)
class KindRow:
    """Blocks of one kind: those that stand by themselves, or those inside others.

    Attributes:
        title: the kind; what has no kind of its own is called by its operator.
        inside: the kinds of the blocks that they stand in; empty where they stand by themselves.
        blocks: all of them.
        sections: the names of the sections that they are in.
    """

    title: str
    inside: tuple[str, ...]
    blocks: tuple[Block, ...]
    sections: tuple[str, ...]

    def share_of(self, cost: str, structure: Structure) -> str:
        """Return their share of the whole network's cost."""
        return share(sum(getattr(block, cost) for block in self.blocks), structure.total(cost))

    @property
    def where(self) -> str:
        """The first kind of block that they are inside, or else the sections that they are in."""
        if not self.inside:
            return sections_in_words(self.sections)
        return f"in {self.inside[0]}" + (", …" if len(self.inside) > 1 else "")


def kind_rows(structure: Structure) -> tuple[KindRow, ...]:
    """Return a row for each kind of block, in the order of ``KINDS``; those inside others have rows of their own."""
    rows: dict[tuple[bool, str], list[tuple[str, str, Block]]] = {}
    for section in structure.sections:
        for block in section.blocks:
            for outer, inner in _with_outer(block, ""):
                rows.setdefault((bool(outer), inner.title), []).append((section.name, outer, inner))
    order = {kind: i for i, kind in enumerate(KINDS)}
    found = sorted(rows.items(), key=lambda row: (row[0][0], order[row[1][0][2].kind]))
    return tuple(
        KindRow(title, _once(outer for _, outer, _ in members if outer), tuple(b for _, _, b in members),
                _once(name for name, _, _ in members))
        for (_, title), members in found
    )  # fmt: skip


def _with_outer(block: Block, outer: str) -> Iterator[tuple[str, Block]]:
    yield outer, block
    for inner in block.inside:
        yield from _with_outer(inner, block.title)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def sections_in_words(names: Iterable[str]) -> str:
    """Return names of sections with stages in a row as a range.

    >>> sections_in_words(["stem", "stage 1", "stage 2", "stage 3", "stage 5"])
    'stem, stages 1–3, 5'
    """
    numbers = [int(name.removeprefix("stage ")) for name in names if name.startswith("stage ")]
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    words = ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in ranges)
    stages = [f"stage{'s' if len(numbers) > 1 else ''} {words}"] if numbers else []
    names = list(names)
    return ", ".join([*(n for n in names if n == "stem"), *stages, *(n for n in names if n == "head")])


def kinds_table(structure: Structure) -> Table:
    """Return how many blocks of each kind there are, their shares, and where they are."""
    table = table_of("block", "count", "params", "MACs", "memory", "where")
    for row in kind_rows(structure):
        name = f"  {row.title}" if row.inside else row.title
        shares = (row.share_of(cost, structure) for cost in COSTS)
        table.add_row(safe(name), str(len(row.blocks)), *shares, safe(row.where))
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    return table


def sections_table(structure: Structure) -> Table:
    """Return the network block by block, repeats folded, with each section's totals above its blocks."""
    table = table_of("section", "channels", "output", "params", "MACs", "share", "memory")
    total = sum(section.macs for section in structure.sections)
    for section in structure.sections:
        table.add_row(safe(section.name), "", show_shape(section.shape), *_costs(section, total))
        for run in runs_of(section.blocks):
            widths = _once(str(block.settings.channels) for block in run.blocks)
            width = widths[0] if len(widths) == 1 else f"{widths[0]}…{widths[-1]}"
            shape = show_shape(run.blocks[-1].shape)
            table.add_row(f"  {safe(run.label)}", width, shape, *_costs(run, total))
        table.add_section()
    return table


def _costs(item: object, total: int) -> tuple[str, ...]:
    params, macs, memory = (getattr(item, cost) for cost in COSTS)
    return format_count(params), format_count(macs), share(macs, total), format_bytes(memory)


def structure_lines(structure: Structure) -> Iterator[str]:
    """Yield what stands below the tables: shortcuts, what could not be placed and where, and what the numbers are."""
    shortcuts = structure.shortcuts()
    if shortcuts:
        parts = [f"{count} {name}" for name, count in shortcuts.items()]
        yield f"residual  {sum(shortcuts.values())} blocks with a shortcut: {', '.join(parts)}"
    for block in structure.unplaced[:MOST_UNPLACED]:
        yield f"unplaced  {block.settings.operator} at {printable(place_of(block))}"
    more = len(structure.unplaced) - MOST_UNPLACED
    if more > 0:
        yield f"unplaced  … and {more:,} more"
    yield NOTE


def print_structure(console: Console, structure: Structure, choice: Choice = WHAT_FITS) -> None:
    """Print how many blocks of each kind there are, and the network block by block."""
    print_fitted(console, kinds_table(structure), KINDS_SPARE, choice)
    print_fitted(console, sections_table(structure), SECTIONS_SPARE, choice)
    print_lines(console, structure_lines(structure))
