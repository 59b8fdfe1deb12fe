"""Drawings of blocks: channels as dots, and a line for every kernel from a channel that is read to one that is made.

A drawing has a variant for every number of groups, multiplier and expansion that a slider can set; the page shows the
one that is set, by its ``data-when``. The numbers over the dots are the true channels; the dots are a sample of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.report.block_formulas import Lesson, Product, Settings
from archlab.report.block_lessons import CONTROLS
from archlab.report.svg import drawing, element, line_through

GAP, SIDE, TOP, TALL, FOOT = 92, 40, 34, 168, 84
"""Lengths: between columns, left and right of them, over them, their height, and what is below them."""
DOTS = 8
COLOURS = 4
_CELL = 6
_IN, _C, _M = (Product((name,)) for name in ("in", "c", "m"))
_KERNELS = 7
"""Rows and columns of the grid on which a kernel is drawn."""


@dataclass(frozen=True, slots=True)
class Link:
    """How a convolution joins two columns: every dot to every dot within each of ``groups`` groups."""

    kernel: tuple[str, str]
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Sketch:
    """A block as columns of dots.

    Attributes:
        columns: dots of each column, the first being what comes in.
        labels: the channels of each.
        links: what joins a column to the next; None where the channels are only put in another order.
        groups: into how many groups the dots of each column are coloured.
        has_shortcut: whether the first column is added to the last.
    """

    columns: tuple[int, ...]
    labels: tuple[Product, ...]
    links: tuple[Link | None, ...]
    groups: tuple[int, ...]
    has_shortcut: bool = False


def sketch(key: str, settings: Settings) -> Sketch:
    """Return the columns of a lesson's block."""
    g, dm, narrow = int(settings["g"]), int(settings["dm"]), max(1, round(DOTS * settings["e"]))
    square, point = ("k", "k"), ("1", "1")
    every = (DOTS, DOTS, DOTS)
    return {
        "standard": lambda: Sketch(every[:2], (_IN, _C), (Link(square),), (1, 1)),
        "grouped": lambda: Sketch(every[:2], (_IN, _C), (Link(square, g),), (g, g)),
        "separable": lambda: Sketch(
            (4, 4 * dm, DOTS), (_IN, Product(("in", "dm")), _C), (Link(square, 4), Link(point)), (4, 4, 1)
        ),
        "bottleneck": lambda: Sketch(
            (DOTS, narrow, narrow, DOTS), (_IN, _M, _M, _C), (Link(point), Link(square), Link(point)), (1,) * 4, True
        ),
        "shuffle": lambda: Sketch(
            (DOTS,) * 5, (_IN, _M, _M, _M, _C), (Link(point, g), None, Link(square, DOTS), Link(point, g)),
            (g, g, g, g, g), True,
        ),
        "factorised": lambda: Sketch(every, (_IN, _C, _C), (Link(("1", "k")), Link(("k", "1"))), (1, 1, 1)),
        "two3x3": lambda: Sketch(every, (_IN, _C, _C), (Link(("3", "3")), Link(("3", "3"))), (1, 1, 1)),
    }[key]()  # fmt: skip


def draw_lesson(lesson: Lesson, settings: Settings) -> Markup:
    """Return the drawing, with all of its variants; the one of ``settings`` is shown."""
    names = [name for name in ("g", "dm", "e") if f"{{{name}}}" in lesson.call]
    name = names[0] if names else ""
    values = next((control.values for control in CONTROLS if control.name == name), (0.0,))
    made = [(value, sketch(lesson.key, {**settings, name: value})) for value in values]
    plan = made[0][1]
    variants = [
        when(name, value, settings, [_lines(one), _dots(one)]) if name else Markup("").join([_lines(one), _dots(one)])
        for value, one in made
    ]
    places = [_x(column) for column in range(len(plan.columns))]
    labels = [
        element("text", *_label(label, lesson.values(settings)), x=x, y=18, text_anchor="middle")
        for x, label in zip(places, plan.labels, strict=True)
    ]
    kernels = [
        _kernel(link, (left + right) / 2, settings)
        for link, left, right in zip(plan.links, places, places[1:], strict=False)
    ]
    height = TOP + TALL + FOOT + (26 if plan.has_shortcut else 0)
    size = (places[-1] + SIDE, height)
    shortcut = [_shortcut(places, settings)] if plan.has_shortcut else []
    return drawing(size, f"{lesson.title}, drawn by its channels", *variants, *kernels, *shortcut, *labels,
                   class_="block-svg", width=size[0], height=size[1])  # fmt: skip


def when(name: str, value: float, settings: Settings, children: Sequence[Markup]) -> Markup:
    """Return a group that is shown where a setting has a value."""
    hidden = {} if settings[name] == value else {"hidden": "hidden"}
    return element("g", *children, data_when=f"{name}={value:g}", **hidden)


def group_of(dot: int, dots: int, groups: int) -> int:
    """Return the group of a dot, of ``dots`` that are split into ``groups`` runs."""
    return dot * groups // dots


def shuffled(dots: int, groups: int) -> list[int]:
    """Return which dot comes to each place: channel ``j`` of group ``i`` goes to place ``j * groups + i``.

    >>> shuffled(6, 2)
    [0, 3, 1, 4, 2, 5]
    """
    size = dots // groups
    return [i * size + j for j in range(size) for i in range(groups)]


def joined(plan: Sketch, at: int) -> list[tuple[int, int]]:
    """Return the lines from column ``at`` to the next, as pairs of dots."""
    link, left, right = plan.links[at], plan.columns[at], plan.columns[at + 1]
    if link is None:
        return [(source, place) for place, source in enumerate(shuffled(left, plan.groups[at]))]
    return [
        (i, j)
        for i in range(left)
        for j in range(right)
        if group_of(i, left, link.groups) == group_of(j, right, link.groups)
    ]


def _lines(plan: Sketch) -> Markup:
    made = []
    for at, link in enumerate(plan.links):
        by_colour: dict[int, list[str]] = {}
        left, right = plan.columns[at], plan.columns[at + 1]
        for i, j in joined(plan, at):
            colour = _colours(plan, at)[i] if link is None or link.groups > 1 else 0
            path = line_through([(_x(at) + 6, _y(i, left)), (_x(at + 1) - 6, _y(j, right))])
            by_colour.setdefault(colour, []).append(path)
        kind = "moved" if link is None else "line"
        made += [element("path", class_=f"{kind} g{colour}", d="".join(paths)) for colour, paths in by_colour.items()]
    return Markup("").join(made)


def _dots(plan: Sketch) -> Markup:
    return Markup("").join(
        element("circle", class_=f"dot g{colour}", cx=_x(column), cy=_y(dot, dots), r=4 if dots > DOTS else 6)
        for column, dots in enumerate(plan.columns)
        for dot, colour in enumerate(_colours(plan, column))
    )


def _colours(plan: Sketch, column: int) -> list[int]:
    """Return the colour of each dot: that of its group, which a shuffled channel keeps until channels are mixed."""
    dots, groups = plan.columns[column], plan.groups[column]
    order = list(range(dots))
    moved = next((at for at, link in enumerate(plan.links) if link is None), None)
    if moved is not None and moved < column < len(plan.columns) - 1:
        order = shuffled(dots, groups)
    return [group_of(dot, dots, groups) % COLOURS for dot in order]


def _kernel(link: Link | None, x: float, settings: Settings) -> Markup:
    """Return a kernel as cells of a grid with its size below, of each size that it can have."""
    y = TOP + TALL + 18
    if link is None:
        return element("text", "shuffle", x=x, y=y + 56, text_anchor="middle")
    if "k" not in link.kernel:
        return _cells(tuple(int(side) for side in link.kernel), x, y)
    sizes = next(control.values for control in CONTROLS if control.name == "k")
    made = [
        when("k", k, settings, [_cells(tuple(int(k) if side == "k" else 1 for side in link.kernel), x, y)])
        for k in sizes
    ]
    return Markup("").join(made)


def _cells(kernel: tuple[int, ...], x: float, y: float) -> Markup:
    rows, columns = kernel
    left, top = x - _CELL * _KERNELS / 2, y
    frame = element("rect", class_="field", x=left, y=top, width=_CELL * _KERNELS, height=_CELL * _KERNELS)
    cells = [
        element("rect", class_="cell-k", width=_CELL - 1, height=_CELL - 1,
                x=left + _CELL * (column + (_KERNELS - columns) // 2) + 0.5,
                y=top + _CELL * (row + (_KERNELS - rows) // 2) + 0.5)
        for row in range(rows) for column in range(columns)
    ]  # fmt: skip
    name = element("text", f"{rows}×{columns}", x=x, y=y + 56, text_anchor="middle")
    return Markup("").join([frame, *cells, name])


def _shortcut(places: Sequence[float], settings: Settings) -> Markup:
    base, low = TOP + TALL + 4, TOP + TALL + FOOT + 4
    first, last = places[0], places[-1]
    middle = (first + last) / 2
    path = element("path", class_="shortcut", d=f"M{first:g} {base:g}V{low:g}H{last:g}V{base:g}")
    same = settings["in"] == settings["c"]
    names = [
        element("text", name, x=middle, y=low + 16, text_anchor="middle", data_when=condition,
                **({} if shown else {"hidden": "hidden"}))
        for name, condition, shown in (
            ("shortcut: what came in, added", "same", same),
            ("shortcut: 1×1, added", "differ", not same),
        )
    ]  # fmt: skip
    return Markup("").join([path, *names])


def _label(channels: Product, values: Settings) -> tuple[Markup | str, ...]:
    number = element("tspan", f"{channels.value(values):g}", class_="channels", data_product=" ".join(channels.factors))
    return (f"{channels} = ", number)


def _x(column: int) -> float:
    return SIDE + column * GAP


def _y(dot: int, dots: int) -> float:
    return TOP + TALL * (dot + 0.5) / dots
