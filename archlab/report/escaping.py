"""Untrusted text in the places of a page that escaping by the template does not cover.

A result file may come from anybody: each name, reason and command in it may hold markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from typing import Any

from markupsafe import Markup

from archlab.report.svg import shorten

_JSON_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def json_block(data: Any) -> Markup:
    """Return data as JSON that can stand in a ``<script type="application/json">`` whatever its strings hold.

    >>> json_block({"name": "</script>"})
    Markup('{"name":"\\\\u003c/script\\\\u003e"}')
    """
    # ASCII only, so that U+2028, U+2029 and halves of surrogate pairs are escaped too.
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_JSON_ESCAPES))


def plotly_text(text: str, most: int = 60) -> str:
    """Return text as plotly shows it literally: it reads a subset of HTML in labels, and ``%{…}`` in hover templates.

    >>> plotly_text("<b>%{x}")
    '&lt;b&gt;%&#123;x}'
    """
    return html.escape(shorten(text, most), quote=False).replace("%{", "%&#123;")


def csp_hash(text: str) -> str:
    """Return the source expression by which a Content-Security-Policy allows exactly this inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
