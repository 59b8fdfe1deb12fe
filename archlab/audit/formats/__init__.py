"""An audit for its readers. Each format is a file with one function, ``render(run, options)``, that returns a text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from archlab.audit.formats.interface import DEFAULTS, Format, Options

if TYPE_CHECKING:
    from archlab.audit.audit_run import AuditRun
    from archlab.audit.formats import csv_format, html_format, json_format, terminal_format

    _CHECKED: tuple[Format, ...] = (csv_format, html_format, json_format, terminal_format)

__all__ = ["DEFAULTS", "FORMATS", "Format", "Options", "render"]

FORMATS = {
    "terminal": "archlab.audit.formats.terminal_format",
    "csv": "archlab.audit.formats.csv_format",
    "json": "archlab.audit.formats.json_format",
    "html": "archlab.audit.formats.html_format",
}
"""The module of each format; it is imported when it is asked for, since a page needs what a terminal does not."""


def render(name: str, run: AuditRun, options: Options = DEFAULTS) -> str:
    """Return ``run`` as a text in the format ``name``, a key of ``FORMATS``."""
    return cast(Format, import_module(FORMATS[name])).render(run, options)
