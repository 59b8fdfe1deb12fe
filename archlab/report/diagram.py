"""A graph as a drawing: stages that open, in them blocks as inline SVG. Plain HTML, readable without JavaScript.

The stages are ``<details>``, so that mouse, keyboard and screen reader open them without a script. Colours and type
come from the page's style sheet (``reports/static/diagram.css``), so that the drawing follows its theme.
"""

from __future__ import annotations

from html import escape

from archlab.ir import BOXES, INPUT, Graph
from archlab.report.blocks import Box, Card, DrawnStage, stages_of
from archlab.report.labels import attributes, dims, operator_label, size
from archlab.report.layout import Edge, Item, Layout, layout
from archlab.units import format_count

BOX_WIDTH, BOX_HEIGHT = 200, 42
GAP_X, GAP_Y = 18, 22
PASSING, MARGIN = 16, 10
PORT_HEIGHT = 18
HEAT = 6
"""Steps of the heat scale, above 0."""
_NOWHERE = "(nothing)"
"""Stands above a box without inputs, such as a constant, so that only ports are in the first row."""


def draw(graph: Graph) -> str:
    """The drawing of a graph as HTML; the stage with the most MACs is open.

    Works for any graph of ``archlab.ir``; names and attributes may hold any text.
    """
    stages = stages_of(graph)
    macs = max(sum(stage.macs for stage in stages), 1)
    heaviest = max(stages, key=lambda stage: stage.macs, default=None)
    rows = [_stage(stage, macs, stage is heaviest) for stage in stages]
    ends = (
        f'<p class="net-end">input <b>{dims(graph.input_shape)}</b></p>',
        f'<p class="net-end">{_outputs(graph)}</p>',
    )
    return f'<div class="net">{ends[0]}{"".join(rows)}{ends[1]}</div>'


def _outputs(graph: Graph) -> str:
    """The outputs' sizes; where there are several, each under its name."""
    sizes = {name: size(graph[name]) if name in graph.names else dims(graph.input_shape) for name in graph.outputs}
    if len(sizes) == 1:
        return f"output <b>{next(iter(sizes.values()))}</b>"
    return "outputs " + " · ".join(f"{_text(name, 60)} <b>{shape}</b>" for name, shape in sizes.items())


def _stage(stage: DrawnStage, macs: int, is_open: bool) -> str:
    cards = "".join(_card(card, macs) for card in stage.cards)
    gives = ", ".join(map(dims, stage.gives))
    rois = f" · {_plural(stage.rois, 'RoI')}" if stage.rois is not None else ""
    blocks = _plural(stage.nodes, "operator")
    if stage.blocks < stage.nodes:
        blocks = f"{_plural(stage.blocks, 'block')}, {blocks}"
    return (
        f'<details class="net-stage"{" open" if is_open else ""}><summary>'
        f'<span class="net-name">{_text(stage.name, 60)}</span>'
        f'<span class="net-blocks">{blocks}</span>'
        f'<span class="net-shape">{dims(stage.takes)} → {gives}{rois}</span>'
        f'<span class="net-cost"><b>{format_count(stage.macs)}</b> MACs</span>'
        f'<span class="net-cost"><b>{format_count(stage.params)}</b> params</span>'
        f"{share_bar(stage.macs / macs)}"
        f'</summary><div class="net-cards">{cards}</div></details>'
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def share_bar(share: float) -> str:
    """A bar with its share of MACs in words beside it."""
    width = max(0.0, min(share, 1.0)) * 100
    return (
        '<span class="share"><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/><rect class="fill" width="{width:.1f}" height="6"/></svg>'
        f"<span>{share:.1%}</span></span>"
    )


def _card(card: Card, macs: int) -> str:
    copies = len(card.names)
    name = card.names[0] if copies == 1 else f"{card.names[0]} … {card.names[-1].rsplit('.', 1)[-1]}"
    badge = f'<span class="times">×{copies}</span>' if copies > 1 else ""
    each = " each" if copies > 1 else ""
    return (
        f'<figure class="net-card h{heat(card.macs / macs)}"><figcaption>'
        f"<b>{_text(name, 60)}</b>{badge}"
        f"<span>{format_count(card.macs)} MACs · {format_count(card.params)} params{each}</span>"
        f'</figcaption><div class="net-scroll" tabindex="0" role="group" aria-label="{_text(name, 60)}">'
        f"{_svg(card, macs)}</div></figure>"
    )


def heat(share: float) -> int:
    """The step of the heat scale for a share of the network's MACs: 0 for none, the last from 16 % on."""
    steps = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)
    return sum(share > step for step in steps[:1]) + sum(share >= step for step in steps[1:])


def _svg(card: Card, macs: int) -> str:
    ports: list[Item] = [(port, ()) for port, _, _ in card.ports]
    if any(not box.inputs for box in card.boxes):
        ports.append((_NOWHERE, ()))
    placed = layout([*ports, *((box.output, box.inputs or (_NOWHERE,)) for box in card.boxes)])
    width = 2 * MARGIN + placed.lanes * (BOX_WIDTH + GAP_X) - GAP_X + placed.passings * PASSING
    height = PORT_HEIGHT + placed.ranks * (BOX_HEIGHT + GAP_Y) - BOX_HEIGHT + MARGIN
    height = max(height, PORT_HEIGHT + MARGIN)
    edges = "".join(_edge(edge, placed) for edge in placed.edges if edge.source != _NOWHERE)
    labels = "".join(_port(port, source, dims(shape), placed) for port, source, shape in card.ports)
    boxes = "".join(_box(box, placed, macs) for box in card.boxes)
    # What no other box takes leaves the card, as both outputs of a box head do.
    taken = {source for box in card.boxes for source in box.inputs}
    ends = [box.output for box in card.boxes if box.output not in taken or box is card.boxes[-1]]
    tail = "".join(f"M{_x(placed, end)} {_bottom(placed, end)}V{height}" for end in ends)
    return (
        f'<svg class="net-svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{len(card.boxes)} boxes, output {dims(card.shape)}">'
        f'<path class="wire" d="{edges}{tail}"/>{labels}{boxes}</svg>'
    )


def _x(placed: Layout, name: str) -> int:
    """The middle of an item's lane."""
    return MARGIN + placed.lane[name] * (BOX_WIDTH + GAP_X) + BOX_WIDTH // 2


def _passing_x(placed: Layout, lane: int) -> int:
    return MARGIN + placed.lanes * (BOX_WIDTH + GAP_X) - GAP_X + lane * PASSING + PASSING * 3 // 4


def _top(rank: int) -> int:
    return PORT_HEIGHT + GAP_Y + (rank - 1) * (BOX_HEIGHT + GAP_Y) if rank else 0


def _bottom(placed: Layout, name: str) -> int:
    rank = placed.rank[name]
    return _top(rank) + (BOX_HEIGHT if rank else PORT_HEIGHT)


def _edge(edge: Edge, placed: Layout) -> str:
    """The path of a line: straight down its lane, with a bend in the gaps between ranks."""
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


def _port(name: str, source: str, shape: str, placed: Layout) -> str:
    x = _x(placed, name)
    words = "input" if name == INPUT else "boxes" if name == BOXES else f"from {_text(source, 22)}" if source else "in"
    return f'<text class="port" x="{x}" y="{PORT_HEIGHT - 6}">{words} <tspan>{shape}</tspan></text>'


def _box(box: Box, placed: Layout, macs: int) -> str:
    first = box.nodes[0]
    x, y = _x(placed, box.output) - BOX_WIDTH // 2, _top(placed.rank[box.output])
    label = operator_label(first)
    cost = format_count(box.macs) if box.macs else ""
    rest = " · ".join(operator_label(node) for node in box.nodes[1:])
    title = f"{first.name}\n{first.op} {attributes(first.attrs)}\n{format_count(box.params)} params"
    return (
        f'<g class="op h{heat(box.macs / macs)}" transform="translate({x} {y})"><title>{_text(title, 240)}</title>'
        f'<rect width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        f'<text class="label" x="10" y="18">{_text(label, 26 - len(cost))}</text>'
        f'<text class="end" x="{BOX_WIDTH - 10}" y="18">{cost}</text>'
        f'<text x="10" y="33">{_text(rest, 19)}</text>'
        f'<text class="end" x="{BOX_WIDTH - 10}" y="33">{size(box.nodes[-1])}</text></g>'
    )


def _text(text: str, most: int) -> str:
    """Text made safe for markup, cut where it would not fit."""
    return escape(text if len(text) <= most else text[: most - 1] + "…")
