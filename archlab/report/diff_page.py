"""Two networks side by side as one HTML page that needs nothing else."""

from __future__ import annotations

from archlab.report.diagram import draw_blocks
from archlab.report.diff_tables import (
    MARKS,
    changed_in_words,
    cost_changes,
    diff_lines,
    pair_costs,
)
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.structure.compare import Diff, inputs_in_words

STYLES = ("page.css", "tables.css", "diagram.css", "diff.css", "print.css")
SCRIPTS = ("report.js",)
MAX_BYTES = 1_950_000
"""Drawings that would make the page larger are left out."""


def diff_page(diff: Diff) -> str:
    """Return the page, the same for the same networks."""
    drawings = [draw_blocks(found) for found in (diff.a, diff.b)]
    content = {
        "diff": diff,
        "inputs": inputs_in_words(diff),
        "totals": cost_changes(diff.totals()),
        "lines": list(diff_lines(diff)),
        "marks": MARKS,
        "changed": changed_in_words,
        "costs_of": pair_costs,
        "drawings": drawings if sum(map(len, drawings)) < MAX_BYTES - 200_000 else None,
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    return environment().get_template("diff.html").render(content)
