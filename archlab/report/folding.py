"""Folds text that is wider than its place: between words, else within a name behind a mark, never within a number."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells

_BETWEEN_WORDS = re.compile(r"(?<=\S) +(?!(?:[kKMGT]i?B?|B)\b)(?=\S)")
"""Spaces where a line may end: not those before a unit."""

_WITHIN_NAMES = re.compile(r"(?<=[._/:@|=-])(?=[^._/:@|=-])")


def fold(text: str, width: int, before: str | None = None) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns.

    Args:
        text: one line.
        width: how many columns there are; where it is less than 8, that many.
        before: what each line but the first begins with; by default the indentation of ``text`` and four columns more.

    >>> fold("peak at layer1.conv: 10.05 MiB", 20)
    ['peak at layer1.conv:', '    10.05 MiB']
    """
    width = max(width, 8)
    indent = text[: len(text) - len(text.lstrip(" "))][: width // 2]
    rest, lines = indent + text.lstrip(" "), []
    before = indent + "    " if before is None else before
    if cell_len(before) > width // 2:
        before = ""
    start = len(indent)
    while cell_len(rest) > width:
        end, begin = _break(rest, start, width)
        lines.append(rest[:end])
        rest, start = before + rest[begin:], len(before)
    return [*lines, rest]


def fold_name(name: str, width: int, mark: str) -> list[str]:
    """Return a name in lines of at most ``width`` columns; each but the first begins with ``mark``, below the name.

    >>> fold_name("  encoder_layer_0", 13, "> ")
    ['  encoder_', '  > layer_0']
    """
    indent = name[: len(name) - len(name.lstrip(" "))][: width // 4]
    return fold(indent + name.lstrip(" "), width, indent + ("" if " " in name.strip() else mark))


def _break(line: str, start: int, width: int) -> tuple[int, int]:
    """Return where a line ends, and where the next begins; ``start`` is where its own text begins."""
    head = chop_cells(line, width)[0]
    words = [match for match in _BETWEEN_WORDS.finditer(line, start) if match.start() <= len(head)]
    if words:
        return words[-1].span()
    within = [match.start() for match in _WITHIN_NAMES.finditer(line, start + 1) if match.start() <= len(head)]
    end = within[-1] if within else max(len(head), start + 1)
    return end, end
