"""One RoI over an 8x8 map, as the literature draws it, computed by these operators: a page for the gallery.

``RoIPicture`` holds the numbers and ``render`` turns them into one HTML file with inline SVG: no script, no
network. Run ``python -m archlab.roi.picture OUT.html``.
"""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from archlab.roi.reference import caffe_edges, partition_edges, round_half_away, sample_positions
from archlab.roi.single_scale import roi_align, roi_pool

Spans = tuple[tuple[float, float], ...]

# The textbook's activations.
TEXTBOOK = (
    (0.88, 0.44, 0.14, 0.16, 0.37, 0.77, 0.96, 0.27),
    (0.19, 0.45, 0.57, 0.16, 0.63, 0.29, 0.71, 0.70),
    (0.66, 0.26, 0.82, 0.64, 0.54, 0.73, 0.59, 0.26),
    (0.85, 0.34, 0.76, 0.84, 0.29, 0.75, 0.62, 0.25),
    (0.32, 0.74, 0.21, 0.39, 0.34, 0.03, 0.33, 0.48),
    (0.20, 0.14, 0.16, 0.13, 0.73, 0.65, 0.96, 0.32),
    (0.19, 0.69, 0.09, 0.86, 0.88, 0.07, 0.01, 0.48),
    (0.83, 0.24, 0.97, 0.04, 0.24, 0.35, 0.50, 0.91),
)
BOX = (0.4, 2.7, 6.6, 7.4)


@dataclass(frozen=True)
class Panel:
    """What one operator does with the RoI.

    Attributes:
        name, note: for the reader.
        rows, columns: the bins' edges in pixels of the map, (start, end).
        samples: (y, x) of the points read; empty where whole pixels are read.
        values: (P, Q) of the output.
        moved: pixels by which the left, top, right and bottom edges lie off the true box.
    """

    name: str
    note: str
    rows: Spans
    columns: Spans
    samples: tuple[tuple[float, float], ...]
    values: tuple[tuple[float, ...], ...]
    moved: tuple[float, float, float, float]

    @property
    def furthest(self) -> float:
        """The largest shift of an edge, in pixels."""
        return max(abs(shift) for shift in self.moved)


@dataclass(frozen=True)
class RoIPicture:
    """A map, a box (x1, y1, x2, y2) in its pixels, and the panels."""

    pixels: tuple[tuple[float, ...], ...]
    box: tuple[float, float, float, float]
    panels: tuple[Panel, ...]


def roi_picture(
    pixels: tuple[tuple[float, ...], ...] = TEXTBOOK,
    box: tuple[float, float, float, float] = BOX,
    bins: int = 2,
) -> RoIPicture:
    """Pool and align one box on one map with ``bins`` x ``bins`` bins, two samples a side.

    The box is drawn with pixel i covering [i, i + 1), which is what a pooled box means, and what
    ``aligned`` align
    samples: pixel i's value sits at i + 0.5.
    """
    x = torch.tensor(pixels, dtype=torch.float64)[None, None]
    rois = torch.tensor([[0.0, *box]], dtype=torch.float64)
    return RoIPicture(
        pixels,
        box,
        (
            _pooled("RoI pooling, partition", "partition", x, rois, box, bins),
            _pooled("RoI pooling, Caffe", "caffe", x, rois, box, bins),
            _aligned("RoI align, average", "avg", x, rois, box, bins),
            _aligned("RoI align, maximum", "max", x, rois, box, bins),
        ),
    )


def _pooled(name: str, mode: str, x: Tensor, rois: Tensor, box: tuple[float, float, float, float], bins: int) -> Panel:
    edges = partition_edges if mode == "partition" else caffe_edges
    rows, columns = (
        tuple((float(a), float(b)) for a, b in edges(lo, hi, bins)) for lo, hi in ((box[1], box[3]), (box[0], box[2]))
    )
    rounded = [round_half_away(edge) for edge in box]
    first = f"First the box is rounded, to x {rounded[0]}–{rounded[2]} and y {rounded[1]}–{rounded[3]}"
    second = {
        "partition": "then the bins: each takes the whole pixels of its share, the last one the rest.",
        "caffe": "its last pixel included; then the bins, from floor to ceil: they overlap.",
    }[mode]
    return Panel(
        name,
        f"{first}{';' if mode == 'partition' else ','} {second}",
        rows,
        columns,
        (),
        _values(roi_pool(x, rois, bins, mode=mode)),
        (columns[0][0] - box[0], rows[0][0] - box[1], columns[-1][1] - box[2], rows[-1][1] - box[3]),
    )


def _aligned(name: str, mode: str, x: Tensor, rois: Tensor, box: tuple[float, float, float, float], bins: int) -> Panel:
    spans, points = [], []
    for lo, hi in ((box[1], box[3]), (box[0], box[2])):
        step = (hi - lo) / bins
        spans.append(tuple((lo + b * step, lo + (b + 1) * step) for b in range(bins)))
        points.append([at for b in range(bins) for at in sample_positions(lo + b * step, step, 2)])
    what = "their mean" if mode == "avg" else "the largest of them"
    return Panel(
        name,
        f"Nothing is rounded: each bin reads four bilinear samples and gives {what}.",
        spans[0],
        spans[1],
        tuple((y, x_) for y in points[0] for x_ in points[1]),
        _values(roi_align(x, rois, bins, 1.0, 2, True, mode)),
        (0.0, 0.0, 0.0, 0.0),
    )


def _values(out: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in out[0, 0].tolist())


CELL = 46
MARGIN = 26


def render(picture: RoIPicture, title: str = "One RoI, four ways to read it") -> str:
    """The page: one standalone HTML document, light or dark as the reader's system is."""
    figures = "\n".join(_figure(picture, panel) for panel in picture.panels)
    rows = "\n".join(
        f"<tr><th scope='row'>{html.escape(panel.name)}</th>"
        + "".join(f"<td>{shift:+.2f}</td>" for shift in panel.moved)
        + f"<td class='far'>{panel.furthest:.2f}</td></tr>"
        for panel in picture.panels
    )
    x1, y1, x2, y2 = picture.box
    size = f"{len(picture.pixels)}×{len(picture.pixels[0])}"
    return _PAGE.format(
        title=html.escape(title),
        intro=html.escape(
            f"A map of {size} pixels, and a box on it from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}). "
            "Dashed: the true box. Filled: what each operator reads. "
            "Every number on this page is computed by archlab.roi."
        ),
        figures=figures,
        rows=rows,
    )


def _figure(picture: RoIPicture, panel: Panel) -> str:
    height, width = len(picture.pixels) * CELL + 2 * MARGIN, len(picture.pixels[0]) * CELL + 2 * MARGIN
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(panel.name, quote=True)}">']
    labels = []
    for y, line in enumerate(picture.pixels):
        for x, value in enumerate(line):
            left, top = MARGIN + x * CELL, MARGIN + y * CELL
            parts.append(
                f'<rect class="pixel" x="{left}" y="{top}" width="{CELL}" height="{CELL}" '
                f'style="--v:{min(max(value, 0.0), 1.0):.3f}"/>'
            )
            labels.append(f'<text class="value" x="{left + 6}" y="{top + 15}">{value:.2f}</text>')
    for p, row in enumerate(panel.rows):
        for q, column in enumerate(panel.columns):
            parts.append(_bin(row, column, f"b{(2 * p + q) % 4}"))
    for y_, x_ in panel.samples:
        parts.append(f'<circle class="sample" cx="{_at(x_):.2f}" cy="{_at(y_):.2f}" r="4.5"/>')
    x1, y1, x2, y2 = picture.box
    parts.append(
        f'<rect class="box" x="{_at(x1):.2f}" y="{_at(y1):.2f}" width="{(x2 - x1) * CELL:.2f}" '
        f'height="{(y2 - y1) * CELL:.2f}"/>'
    )
    parts += [*labels, "</svg>"]
    cells = "".join(
        "<tr>" + "".join(f"<td class='b{(2 * p + q) % 4}'>{value:.3f}</td>" for q, value in enumerate(line)) + "</tr>"
        for p, line in enumerate(panel.values)
    )
    return (
        f"<figure><figcaption><h2>{html.escape(panel.name)}</h2><p>{html.escape(panel.note)}</p></figcaption>"
        f"{''.join(parts)}"
        f"<div class='result'><span>output</span><table class='out'>{cells}</table>"
        f"<span>furthest edge off the box<b>{panel.furthest:.2f} px</b></span></div></figure>"
    )


def _bin(row: tuple[float, float], column: tuple[float, float], name: str) -> str:
    inset = 2.5
    width = max((column[1] - column[0]) * CELL - 2 * inset, 0)
    height = max((row[1] - row[0]) * CELL - 2 * inset, 0)
    return (
        f'<rect class="bin {name}" x="{_at(column[0]) + inset:.2f}" y="{_at(row[0]) + inset:.2f}" '
        f'width="{width:.2f}" height="{height:.2f}" rx="5"/>'
    )


def _at(position: float) -> float:
    return MARGIN + position * CELL


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,
initial-scale=1"> <title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ground: light-dark(#fbfaf8, #16181c); --ink: light-dark(#22252a,
#e8e6e1);
  --soft: light-dark(#6a6f78, #9aa0aa); --line: light-dark(#e3dfd8, #30343b); --card: light-dark(#ffffff,
  #1d2025); --warm: light-dark(#e9a23b, #d18a24); --box: light-dark(#111318, #ffffff);
  --b0: light-dark(#2563eb, #7aa7ff); --b1: light-dark(#0d9488, #4fd1c5); --b2: light-dark(#c026d3, #ee8bff);
  --b3: light-dark(#dc2626, #ff8f8f); }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 1080px; padding: 40px 28px 64px; background: var(--ground); color:
var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }}
h1 {{ font-size: 30px; letter-spacing: -.02em; line-height: 1.15; margin: 0 0 8px; }}
h2 {{ font-size: 17px; margin: 0; }}
p {{ margin: 4px 0 0; color: var(--soft); max-width: 80ch; text-wrap: pretty; }}
main {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 22px;
  margin: 28px 0 34px; }}
figure {{ margin: 0; padding: 18px 20px; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; display: grid; grid-template-rows: auto 1fr auto; }}
figcaption {{ min-height: 76px; }} figcaption p {{ font-size: 14px; }}
svg {{ width: 100%; height: auto; display: block; }}
.pixel {{ fill: color-mix(in oklab, var(--warm) calc(var(--v) * 42%), var(--card)); stroke: var(--line); }}
.value {{ font: 10.5px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); paint-order: stroke;
  stroke: var(--card); stroke-opacity: .75; stroke-width: 3px; }}
.bin {{ fill-opacity: .16; stroke-width: 2.5; }}
.b0 {{ fill: var(--b0); stroke: var(--b0); }} .b1 {{ fill: var(--b1); stroke: var(--b1); }}
.b2 {{ fill: var(--b2); stroke: var(--b2); }} .b3 {{ fill: var(--b3); stroke: var(--b3); }}
.sample {{ fill: var(--ink); stroke: var(--card); stroke-width: 1.5; }}
.box {{ fill: none; stroke: var(--box); stroke-width: 2; stroke-dasharray: 7 5; }}
.result {{ display: flex; align-items: center; justify-content: space-between; gap: 14px; font-size: 13px;
  color: var(--soft); }}
.result b {{ display: block; color: var(--ink); font-size: 17px; font-variant-numeric: tabular-nums; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
.out td {{ padding: 5px 12px; border: 2.5px solid; font-weight: 600; background: none; }}
td.b0 {{ color: var(--b0); }} td.b1 {{ color: var(--b1); }} td.b2 {{ color: var(--b2); }}
td.b3 {{ color: var(--b3); }}
.shift {{ width: 100%; font-size: 14px; }} .shift th, .shift td {{ padding: 7px 10px; text-align: right;
  border-bottom: 1px solid var(--line); }}
.shift th:first-child {{ text-align: left; font-weight: 600; }} .shift thead th {{ color: var(--soft);
  font-weight: 500; }}
.shift .far {{ font-weight: 700; }} .scroll {{ overflow-x: auto; }}
</style></head><body>
<h1>{title}</h1>
<p>{intro}</p>
<main>
{figures}
</main>
<h2>How far each lies off the true box, in feature pixels</h2>
<p>On a map of stride 16, one pixel is 16 pixels of the image.</p>
<div class="scroll"><table class="shift"><thead><tr><th scope="col">operator</th><th scope="col">left</th>
<th scope="col">top</th><th scope="col">right</th><th scope="col">bottom</th><th
scope="col">furthest</th></tr></thead> <tbody>
{rows}
</tbody></table></div>
</body></html>
"""


def main(arguments: list[str]) -> int:
    """Write the page to the path given."""
    if len(arguments) != 1:
        print("usage: python -m archlab.roi.picture OUT.html", file=sys.stderr)
        return 2
    Path(arguments[0]).write_text(render(roi_picture()), encoding="utf-8")
    print(f"wrote {arguments[0]}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
