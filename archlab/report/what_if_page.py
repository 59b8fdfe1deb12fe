"""What a network could be, as a page: sliders whose costs are exact, and suggested rewritings.

The costs travel in the page as polynomials, so that its script computes them without archlab and without a network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from archlab.grammar import unparse
from archlab.report.escaping import json_block
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.what_if.sliders import Slider
from archlab.what_if.suggest import Suggestion
from archlab.what_if.what_if import WhatIf

STYLES = ("page.css", "tables.css", "audit.css", "what_if.css", "print.css")
SCRIPTS = ("report.js", "formats.js", "what_if.js")
SECTION_STYLE, SECTION_SCRIPT = "what_if.css", "what_if.js"
"""What a page needs beside its own where it includes the section."""

MOST_ROWS = 60
_ORDER = ("width", "depth", "kernel")


@dataclass(frozen=True, slots=True)
class StageSliders:
    """The sliders of a stage: each with its number among all, and what it is called."""

    stage: str
    sliders: tuple[tuple[int, Slider, str], ...]


@dataclass(frozen=True, slots=True)
class WhatIfPanel:
    """What the section of one network shows.

    Attributes:
        number: of the section, from 1.
        found: what the network could be.
        stages: the sliders by stage.
        costs: those of the text.
        rows: the suggestions that there is room for.
        risks: by rule, what the literature found.
        data: the sliders with the polynomials, for the script.
        text: the opened text, of which the sliders are holes.
    """

    number: int
    found: WhatIf
    stages: tuple[StageSliders, ...]
    costs: Mapping[str, int]
    rows: tuple[Suggestion, ...]
    risks: tuple[Suggestion, ...]
    data: Markup
    text: str


def panel_of(found: WhatIf, number: int = 1) -> WhatIfPanel:
    """Return what the section of one network shows."""
    rows = found.suggestions[:MOST_ROWS]
    risks = {(one.rule, one.risk): one for one in reversed(rows)}
    sliders = found.sliders
    return WhatIfPanel(
        number=number,
        found=found,
        stages=_by_stage(sliders.sliders, [s.name for s in sliders.architecture.stages]) if sliders is not None else (),
        costs=sliders.costs({}) if sliders is not None else {},
        rows=rows,
        risks=tuple(risks[key] for key in sorted(risks)),
        data=json_block(sliders.as_dict() if sliders is not None else None),
        text=unparse(sliders.architecture) if sliders is not None else "",
    )


def what_if_page(found: WhatIf) -> str:
    """Return the page of one network, the same for the same network."""
    content = {
        "panel": panel_of(found),
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    return environment().get_template("what_if.html").render(content)


def _by_stage(sliders: tuple[Slider, ...], order: Sequence[str]) -> tuple[StageSliders, ...]:
    """Return sliders by stage in the order of the text: widths, depths, kernels; several of a kind are numbered."""
    numbered = sorted(
        enumerate(sliders), key=lambda one: (order.index(one[1].stage), _ORDER.index(one[1].kind), one[0])
    )
    stages = []
    for stage, group in groupby(numbered, key=lambda pair: pair[1].stage):
        members = list(group)
        kinds = [slider.kind for _, slider in members]
        named = []
        for at, (number, slider) in enumerate(members):
            among = kinds[: at + 1].count(slider.kind)
            named.append((number, slider, slider.kind if kinds.count(slider.kind) == 1 else f"{slider.kind} {among}"))
        stages.append(StageSliders(stage, tuple(named)))
    return tuple(stages)
