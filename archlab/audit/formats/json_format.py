"""Audits as JSON, schema ``archlab.audit/1``: described field by field in docs/audit.md."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from archlab.audit.audit_run import AuditRun
from archlab.audit.conventions import NOTE
from archlab.audit.formats.interface import Options

SCHEMA = "archlab.audit/1"


def render(run: AuditRun, options: Options, /) -> str:
    """Return a whole run: its audits, the models that failed and why, and the limits that were broken."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "convention": NOTE,
        "audits": [audit.as_dict() for audit in run.audits],
        "failures": [asdict(failure) for failure in run.failures],
        "breaches": [asdict(breach) for breach in run.breaches],
    }
    if options.what_ifs:
        data["suggestions"] = [
            {
                "name": found.name,
                "reason": found.reason,
                "suggestions": [one.as_dict() for one in found.suggestions],
                **(found.kept.as_dict() if found.kept is not None else {}),
            }
            for found in options.what_ifs
        ]
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
