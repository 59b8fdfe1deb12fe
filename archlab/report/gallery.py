"""The shipped networks on one page: each one's text, drawing and cost by stage, and all against published accuracy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from markupsafe import Markup

from archlab.cost import Cost, Part, by_stage, cost
from archlab.elaborate import Interpreter, Network, load
from archlab.files import write_atomic
from archlab.grammar import parse_file
from archlab.reading import read_csv
from archlab.report.bubble_chart import NARROW, WIDE, Bubble, bubble_chart
from archlab.report.diagram import draw
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.resources import folder, shipped_spaces

STYLES = ("page.css", "tables.css", "diagram.css", "gallery.css", "print.css")
SCRIPTS = ("report.js",)
LINKED = "blocks.html"
"""The page that the gallery links to, beside it."""


def _silent(name: str) -> None:
    """Do nothing when a network is drawn."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A published ImageNet top-1 in percent, single crop unless the source says otherwise, and where it stands."""

    top1: float
    source: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A network as the page shows it; ``about`` is the comment of its text, ``drawing`` None where it had no room."""

    name: str
    about: str
    text: str
    network: Network
    total: Cost
    stages: tuple[Part, ...]
    accuracy: Accuracy | None
    drawing: Markup

    @property
    def link(self) -> str:
        """Where the paper is that the text names; empty where it names none."""
        found = re.search(r"arXiv:(\d{4}\.\d{4,5})", self.about)
        return f"https://arxiv.org/abs/{found[1]}" if found else ""


def accuracies() -> dict[str, Accuracy]:
    """Return the published accuracies by network: ``reports/data/imagenet_top1.csv``."""
    rows = read_csv(folder("reports") / "data" / "imagenet_top1.csv")
    return {row["network"]: Accuracy(float(row["top1"]), row["source"]) for row in rows}


def exhibits(progress: Callable[[str], None] = _silent) -> list[Exhibit]:
    """Return every shipped reference network, from the fewest MACs to the most; ``progress`` gets each name."""
    published = accuracies()
    made = []
    for name, path in shipped_spaces().items():
        space = load(parse_file(path))
        if not space.is_reference:
            continue
        progress(name)
        text = path.read_text(encoding="utf-8")
        network = Interpreter(space).network(lambda hole: hole.default)
        lines = text.split("\n")
        about = " ".join(line.lstrip("# ") for line in lines[: next(i for i, x in enumerate(lines) if x[:1] != "#")])
        drawing = draw(network.graph)
        made.append(Exhibit(name, about, text, network, cost(network), by_stage(network), published.get(name), drawing))
    return sorted(made, key=lambda exhibit: exhibit.total.macs)


def render_gallery(progress: Callable[[str], None] = _silent) -> str:
    """Return the page as HTML, the same for the same installation."""
    shown = exhibits(progress)
    bubbles = [
        Bubble(number, e.name, f"#{e.name}", e.total.macs, e.total.params, e.accuracy.top1)
        for number, e in enumerate(shown, start=1)
        if e.accuracy is not None
    ]
    scripts = (FIRST_SCRIPT, *SCRIPTS)
    return environment().get_template("gallery.html").render(
        exhibits=shown,
        charts=[bubble_chart(bubbles, size) for size in (WIDE, NARROW)],
        linked=LINKED,
        lines=int(median(len(e.text.splitlines()) for e in shown)),
        csp=policy(STYLES, scripts),
        first_script=static(FIRST_SCRIPT),
        styles=[static(name) for name in STYLES],
        scripts=[static(name) for name in SCRIPTS],
        data=json_block({}),
    )  # fmt: skip


def write_gallery(path: Path, progress: Callable[[str], None] = _silent) -> None:
    """Write the page to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_gallery(progress))
