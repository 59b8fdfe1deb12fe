"""What all pages share: templates that escape, shipped styles and scripts, and the policy that allows nothing else.

A page's Content-Security-Policy allows its own scripts and styles by their hashes, so that even markup that slipped
through the escaping could neither run nor load anything.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from archlab.report.detection_pictures import draw_picture
from archlab.report.diagram import share_bar
from archlab.report.escaping import csp_hash
from archlab.report.operator_labels import dims
from archlab.report.svg import bar, key, shorten
from archlab.resources import folder
from archlab.units import format_bytes, format_count, format_fixed, format_percent, format_seconds, format_signed

FIRST_SCRIPT = "theme.js"
"""The script that runs before the page is drawn."""


@cache
def static(name: str) -> Markup:
    """Return a shipped style or script as it stands in the page."""
    text = (folder("reports") / "static" / name).read_text(encoding="utf-8")
    # The parser ends the element at this sequence wherever it stands; none of our files holds it.
    assert "</script" not in text.lower()
    assert "</style" not in text.lower()
    return Markup(text)


@cache
def policy(styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy that allows these shipped styles and scripts and nothing else."""
    scripts_of = " ".join(csp_hash(static(name)) for name in scripts)
    # Plotly fills empty style elements through the CSSOM; the empty hash allows such an element and no rule in it.
    styles_of = " ".join(csp_hash(text) for text in (*map(static, styles), ""))
    return (
        f"default-src 'none'; script-src {scripts_of}; style-src {styles_of}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def environment() -> Environment:
    """Return the templates of all pages, which escape by default."""
    made = Environment(
        loader=FileSystemLoader(folder("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": format_count,
        "bytes": format_bytes,
        "seconds": format_seconds,
        "percent": format_percent,
        "signed": format_signed,
        "fixed": format_fixed,
        "dims": dims,
        "by_name": lambda stages: {stage.name: stage for stage in stages},
        "share": share_bar,
        "bar": bar,
        "picture": draw_picture,
        "cut": shorten,
    }
    made.globals["key"] = key
    return made
