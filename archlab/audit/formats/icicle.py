"""An icicle: every module as a rectangle below the one that it is in, as wide as its share. Inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.audit.findings import Module
from archlab.report.svg import drawing, element, shorten
from archlab.units import format_count, format_percent

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


def icicle(modules: Sequence[Module], count: str, noun: str) -> Markup:
    """Return the SVG; nothing where there is nothing to show."""
    placed = cells(modules, count)
    if not placed:
        return Markup()
    height = (max(cell.row for cell in placed) + 1) * ROW
    label = f"{noun} by module; the table of modules has the numbers"
    return drawing((WIDTH, height), label, *(_cell(cell, count, noun) for cell in placed), class_="icicle")


def _cell(cell: Cell, count: str, noun: str) -> Markup:
    name = cell.module.path.rpartition(".")[2] or "whole"
    value = format_count(getattr(cell.module, count))
    title = (
        f"{cell.module.path or 'the whole model'} ({cell.module.kind})\n{value} {noun}, {format_percent(cell.share)}"
    )
    top, width = cell.row * ROW, max(cell.width - 1, 0.5)
    return element(
        "g",
        element("title", title),
        element("rect", x=cell.x, y=top, width=width, height=ROW - 1, rx=2),
        _label(name, value, cell.x + 5, top + 17, room=int((cell.width - 8) / _CHARACTER)),
        class_=f"ic{cell.row % 4}",
    )


def _label(name: str, value: str, x: float, y: float, room: int) -> Markup:
    """Return the name, cut to ``room`` characters, with its value if both fit; nothing where there is no room."""
    if len(name) > room and room <= 2:
        return Markup()
    rest = f" {value}" if room > len(name) + len(value) + 1 else ""
    return element("text", element("tspan", shorten(name, room), class_="name"), rest, x=x, y=y)
