"""Reports as offline HTML: what a search found, as data, plots, drawings and one page."""

from archlab.report.diagram import draw
from archlab.report.html import render_report, write_report

__all__ = ["draw", "render_report", "write_report"]
