"""A graph as a drawing: stages that open, in them blocks as inline SVG. Plain HTML, readable without JavaScript.

The stages are ``<details>``, so that mouse, keyboard and screen reader open them without a script. Colours and type
come from the page's style sheet (``reports/static/diagram.css``), so that the drawing follows its theme.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from archlab.ir import BOXES, INPUT, Graph
from archlab.report.diagram_blocks import Caption, block_by_block
from archlab.report.diagram_cards import Card, DrawnStage, OperatorBox, stages_of
from archlab.report.diagram_layout import Edge, Item, Layout, layout
from archlab.report.operator_labels import attributes, dims, operator_label, size
from archlab.report.svg import bar, drawing, element, shorten
from archlab.structure.found import Structure
from archlab.units import format_count, format_percent

BOX_WIDTH, BOX_HEIGHT = 200, 42
GAP_X, GAP_Y = 18, 22
PASSING, MARGIN = 16, 10
PORT_HEIGHT = 18
_NOWHERE = "(nothing)"
"""Stands above a box without inputs, such as a constant, so that only ports are in the first row."""


def draw(graph: Graph) -> Markup:
    """Return the drawing of a graph as HTML; the stage with the most MACs is open.

    Works for any graph of ``archlab.ir``; names and attributes may hold any text.
    """
    return _network(graph, stages_of(graph), _card)


def draw_blocks(structure: Structure) -> Markup:
    """Return the drawing of a network block by block: sections that open to blocks, and these to their operators.

    Blocks that are alike and follow each other are one, with their number; what is heaviest is open.
    """
    graph, captions = block_by_block(structure)
    stages = stages_of(graph, joins_small=False)
    heaviest = _heaviest(stages)
    opened = heaviest and max(heaviest.cards, key=lambda card: card.macs * len(card.names))
    return _network(graph, stages, lambda card, macs: _block(card, macs, captions, card is opened))


DrawCard = Callable[[Card, int], Markup]
"""Draws a card of a network of so many MACs."""


def _network(graph: Graph, stages: tuple[DrawnStage, ...], card: DrawCard) -> Markup:
    macs = max(sum(stage.macs for stage in stages), 1)
    heaviest = _heaviest(stages)
    rows = [_stage(stage, macs, stage is heaviest, card) for stage in stages]
    start = element("p", "input ", element("b", dims(graph.input_shape)), class_="net-end")
    return element("div", start, *rows, element("p", *_outputs(graph), class_="net-end"), class_="net")


def _heaviest(stages: tuple[DrawnStage, ...]) -> DrawnStage | None:
    return max(stages, key=lambda stage: stage.macs, default=None)


def _outputs(graph: Graph) -> list[str]:
    """Return the outputs' sizes; where there are several, each under its name."""
    sizes = {name: size(graph[name]) if name in graph.names else dims(graph.input_shape) for name in graph.outputs}
    if len(sizes) == 1:
        return ["output ", element("b", *sizes.values())]
    parts = ["outputs "]
    for name, shape in sizes.items():
        parts += [" · " if len(parts) > 1 else "", f"{shorten(name, 60)} ", element("b", shape)]
    return parts


def _stage(stage: DrawnStage, macs: int, is_open: bool, card: DrawCard) -> Markup:
    gives = ", ".join(map(dims, stage.gives))
    rois = f" · {_plural(stage.rois, 'RoI')}" if stage.rois is not None else ""
    blocks = _plural(stage.nodes, "operator")
    if stage.blocks < stage.nodes:
        blocks = f"{_plural(stage.blocks, 'block')}, {blocks}"
    summary = element(
        "summary",
        element("span", shorten(stage.name, 60), class_="net-name"),
        element("span", blocks, class_="net-blocks"),
        element("span", f"{dims(stage.takes)} → {gives}{rois}", class_="net-shape"),
        element("span", element("b", format_count(stage.macs)), " MACs", class_="net-cost"),
        element("span", element("b", format_count(stage.params)), " params", class_="net-cost"),
        share_bar(stage.macs / macs),
    )
    cards = element("div", *(card(each, macs) for each in stage.cards), class_="net-cards")
    opened = {"open": ""} if is_open else {}
    return element("details", summary, cards, class_="net-stage", **opened)


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def share_bar(share: float) -> Markup:
    """Return a bar with its share of MACs in words beside it."""
    return element("span", bar(share), element("span", format_percent(share)), class_="share")


def _card(card: Card, macs: int) -> Markup:
    copies = len(card.names)
    name = card.names[0] if copies == 1 else f"{card.names[0]} … {card.names[-1].rsplit('.', 1)[-1]}"
    name = shorten(name, 60)
    each = " each" if copies > 1 else ""
    caption = element(
        "figcaption",
        element("b", name),
        element("span", f"×{copies}", class_="times") if copies > 1 else "",
        element("span", f"{format_count(card.macs)} MACs · {format_count(card.params)} params{each}"),
    )
    return element("figure", caption, _scrolled(card, macs, name), class_=f"net-card h{heat(card.macs / macs)}")


def _block(card: Card, macs: int, captions: Mapping[str, Caption], is_open: bool) -> Markup:
    """Return a block that opens to its operators; equal ones in a row are one."""
    first, last, copies = captions[card.names[0]], captions[card.names[-1]], len(card.names)
    place = first.place if copies == 1 else f"{first.place} … {last.place.rsplit('.', 1)[-1]}"
    each = " each" if copies > 1 else ""
    summary = element(
        "summary",
        element("b", shorten(first.label, 60)),
        element("span", f"×{copies}", class_="times") if copies > 1 else "",
        element("span", shorten(place, 60), class_="place"),
        element("span", dims(card.shape), class_="net-shape"),
        element(
            "span", f"{format_count(card.macs)} MACs · {format_count(card.params)} params{each}", class_="net-cost"
        ),
        share_bar(card.macs * copies / macs),
    )
    opened = {"open": ""} if is_open else {}
    drawn = _scrolled(card, macs, shorten(f"operators of {first.label}", 80))
    return element("details", summary, drawn, class_=f"net-block h{heat(card.macs / macs)}", **opened)


def _scrolled(card: Card, macs: int, name: str) -> Markup:
    scroll = {"class_": "net-scroll", "tabindex": "0", "role": "group", "aria_label": name}
    return element("div", _card_drawing(card, macs), **scroll)


def heat(share: float) -> int:
    """Return the step of the heat scale for a share of the network's MACs: 0 for none, the last from 16 % on."""
    steps = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)
    return sum(share > step for step in steps[:1]) + sum(share >= step for step in steps[1:])


def _card_drawing(card: Card, macs: int) -> Markup:
    ports: list[Item] = [(port, ()) for port, _, _ in card.ports]
    if any(not box.inputs for box in card.boxes):
        ports.append((_NOWHERE, ()))
    placed = layout([*ports, *((box.output, box.inputs or (_NOWHERE,)) for box in card.boxes)])
    width = 2 * MARGIN + placed.lanes * (BOX_WIDTH + GAP_X) - GAP_X + placed.passings * PASSING
    height = PORT_HEIGHT + placed.ranks * (BOX_HEIGHT + GAP_Y) - BOX_HEIGHT + MARGIN
    height = max(height, PORT_HEIGHT + MARGIN)
    edges = "".join(_edge(edge, placed) for edge in placed.edges if edge.source != _NOWHERE)
    # What no other box takes leaves the card, as both outputs of a box head do.
    taken = {source for box in card.boxes for source in box.inputs}
    ends = [box.output for box in card.boxes if box.output not in taken or box is card.boxes[-1]]
    tail = "".join(f"M{_x(placed, end)} {_bottom(placed, end)}V{height}" for end in ends)
    label = f"{len(card.boxes)} boxes, output {dims(card.shape)}"
    return drawing(
        (width, height),
        label,
        element("path", class_="wire", d=edges + tail),
        *(_port(port, source, dims(shape), placed) for port, source, shape in card.ports),
        *(_box(box, placed, macs) for box in card.boxes),
        class_="net-svg",
        width=width,
        height=height,
    )


def _x(placed: Layout, name: str) -> int:
    """Return the middle of an item's lane."""
    return MARGIN + placed.lane[name] * (BOX_WIDTH + GAP_X) + BOX_WIDTH // 2


def _passing_x(placed: Layout, lane: int) -> int:
    return MARGIN + placed.lanes * (BOX_WIDTH + GAP_X) - GAP_X + lane * PASSING + PASSING * 3 // 4


def _top(rank: int) -> int:
    return PORT_HEIGHT + GAP_Y + (rank - 1) * (BOX_HEIGHT + GAP_Y) if rank else 0


def _bottom(placed: Layout, name: str) -> int:
    rank = placed.rank[name]
    return _top(rank) + (BOX_HEIGHT if rank else PORT_HEIGHT)


def _edge(edge: Edge, placed: Layout) -> str:
    """Return the path of a line: straight down its lane, with a bend in the gaps between ranks."""
    x, y = _x(placed, edge.source), _bottom(placed, edge.source)
    end, bottom = _x(placed, edge.target), _top(placed.rank[edge.target])
    if placed.rank[edge.target] == placed.rank[edge.source] + 1:
        return f"M{x} {y}" + _bend(x, y, end, bottom)
    lane = x if edge.passing is None else _passing_x(placed, edge.passing)
    path = f"M{x} {y}" + (_bend(x, y, lane, y + GAP_Y) if lane != x else "")
    return path + f"V{bottom - GAP_Y}" + _bend(lane, bottom - GAP_Y, end, bottom)


def _bend(x: int, y: int, to_x: int, to_y: int) -> str:
    middle = (y + to_y) // 2
    return f"V{to_y}" if x == to_x else f"C{x} {middle} {to_x} {middle} {to_x} {to_y}"


def _port(name: str, source: str, shape: str, placed: Layout) -> Markup:
    if name in (INPUT, BOXES):
        words = "input" if name == INPUT else "boxes"
    else:
        words = f"from {shorten(source, 22)}" if source else "in"
    shown = element("tspan", shape)
    return element("text", f"{words} ", shown, class_="port", x=_x(placed, name), y=PORT_HEIGHT - 6)


def _box(box: OperatorBox, placed: Layout, macs: int) -> Markup:
    first = box.nodes[0]
    x, y = _x(placed, box.output) - BOX_WIDTH // 2, _top(placed.rank[box.output])
    cost = format_count(box.macs) if box.macs else ""
    rest = " · ".join(operator_label(node) for node in box.nodes[1:])
    title = f"{first.name}\n{first.op} {attributes(first.attrs)}\n{format_count(box.params)} params"
    end = BOX_WIDTH - 10
    return element(
        "g",
        element("title", shorten(title, 240)),
        element("rect", width=BOX_WIDTH, height=BOX_HEIGHT, rx=6),
        element("text", shorten(operator_label(first), 26 - len(cost)), class_="label", x=10, y=18),
        element("text", cost, class_="end", x=end, y=18),
        element("text", shorten(rest, 19), x=10, y=33),
        element("text", size(box.nodes[-1]), class_="end", x=end, y=33),
        class_=f"op h{heat(box.macs / macs)}",
        transform=f"translate({x} {y})",
    )
