"""An audit as ``print``, a notebook, a page and tables of data show it."""

from __future__ import annotations

from typing import Any

from archlab.audit.audit_result import Audit
from archlab.audit.audit_run import AuditRun
from archlab.audit.breakdown import TABLES
from archlab.audit.formats import render
from archlab.audit.formats.terminal_format import audit_lines, audit_table, print_audit, total_lines
from archlab.report.csv_text import csv_text
from archlab.report.notebook_html import notebook_html
from archlab.report.terminal_tables import plain_text

__all__ = ["TABLES", "csv", "notebook", "page", "rows", "text"]


def text(audit: Audit) -> str:
    """Return what ``archlab audit`` prints."""
    return plain_text(lambda console: print_audit(console, audit))


def notebook(audit: Audit) -> str:
    """Return what ``archlab audit`` prints, as HTML with every column."""
    return notebook_html(audit_table(audit), lines=[*total_lines(audit), *audit_lines(audit)])


def rows(audit: Audit, by: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return audit.rows(by)


def csv(audit: Audit, by: str | None) -> str:
    """Return these rows as CSV; without a name, what ``--csv`` writes: modules and operators in one table."""
    return render("csv", AuditRun((audit,))) if by is None else csv_text(audit.rows(by))


def page(audit: Audit) -> str:
    """Return what ``--html`` writes."""
    return render("html", AuditRun((audit,)))
