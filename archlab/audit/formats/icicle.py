"""An icicle: every module as a rectangle below the one that it is in, as wide as its share. Inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from archlab.audit.findings import Module
from archlab.units import format_count

WIDTH, ROW = 1200, 26
DEEPEST = 7
NARROWEST = 2.0
"""Narrower rectangles are left out: they could be neither seen nor pointed at."""
_CHARACTER = 6.6


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle: its module, its share of the whole, and where it stands in units of the width."""

    module: Module
    share: float
    x: float
    width: float
    row: int


def cells(modules: Sequence[Module], count: str) -> tuple[Cell, ...]:
    """Place the rectangles of one count, ``macs`` or ``params``; children stand in the order of the model."""
    whole = getattr(modules[0], count) if modules else 0
    if not whole:
        return ()
    children: dict[str, list[Module]] = {}
    for module in modules[1:]:
        children.setdefault(module.path.rpartition(".")[0], []).append(module)
    found: list[Cell] = []

    def place(module: Module, x: float, row: int) -> None:
        width = getattr(module, count) / whole * WIDTH
        found.append(Cell(module, width / WIDTH, x, width, row))
        at, end = x, x + width
        for child in children.get(module.path, []) if row < DEEPEST else []:
            wide = getattr(child, count) / whole * WIDTH
            # Shared parameters are in several children, and could reach beyond their parent.
            if wide >= NARROWEST and at + wide <= end + 0.01:
                place(child, at, row + 1)
            at += wide

    place(modules[0], 0.0, 0)
    return tuple(found)


def icicle(modules: Sequence[Module], count: str, noun: str) -> str:
    """Draw the icicle as SVG; an empty text where there is nothing to show."""
    placed = cells(modules, count)
    if not placed:
        return ""
    height = (max(cell.row for cell in placed) + 1) * ROW
    body = "".join(_cell(cell, count, noun) for cell in placed)
    return (
        f'<svg class="icicle" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{noun} by module;'
        f' the table of modules has the numbers">{body}</svg>'
    )


def _cell(cell: Cell, count: str, noun: str) -> str:
    name = cell.module.path.rpartition(".")[2] or "whole"
    value = format_count(getattr(cell.module, count))
    title = escape(f"{cell.module.path or 'the whole model'} ({cell.module.kind})\n{value} {noun}, {cell.share:.1%}")
    room = int((cell.width - 8) / _CHARACTER)
    label = name if len(name) <= room else f"{name[: room - 1]}…" if room > 2 else ""
    rest = f" {value}" if label == name and room > len(name) + len(value) + 1 else ""
    text = (
        f'<text x="{cell.x + 5:.1f}" y="{cell.row * ROW + 17}"><tspan class="name">{escape(label)}</tspan>{rest}</text>'
        if label
        else ""
    )
    return (
        f'<g class="ic{cell.row % 4}"><title>{title}</title><rect x="{cell.x:.1f}" y="{cell.row * ROW}"'
        f' width="{max(cell.width - 1, 0.5):.1f}" height="{ROW - 1}" rx="2"/>{text}</g>'
    )
