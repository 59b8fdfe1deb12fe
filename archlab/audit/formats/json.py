"""``archlab.audit/1``: what ``archlab audit --json`` prints, described field by field in docs/audit.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from archlab.audit.conventions import NOTE, conventions
from archlab.audit.gate import Breach
from archlab.audit.many import Failure, Outcome
from archlab.audit.result import SCHEMA, Audit
from archlab.audit.rows import rows, totals


def audit_data(audit: Audit) -> dict[str, Any]:
    """One audit as plain data."""
    return {
        "name": audit.name,
        "kind": audit.kind,
        "inputs": [{"name": i.name, "shape": list(i.shape), "dtype": i.dtype} for i in audit.inputs],
        "device": audit.device,
        "reason": audit.reason,
        "training": audit.training,
        **totals(audit),
        "intensity": round(audit.intensity, 3),
        "peak": {**asdict(audit.peak), "live": [list(item) for item in audit.peak.live]},
        "shared": [{"names": list(s.names), "params": s.params} for s in audit.shared],
        "uncounted": [{"op": u.op, "times": u.times, "modules": list(u.modules)} for u in audit.uncounted],
        "conventions": [asdict(c) for c in conventions(audit)],
        "deployed": None if audit.deployed is None else asdict(audit.deployed),
        "parts": [asdict(part) for part in audit.parts],
        "peers": [peer_data(peer) for peer in audit.peers],
        "notes": list(audit.notes),
        "stages": [module.path for module in audit.by_stage()],
        "modules": rows(audit, "module"),
        "operators": rows(audit, "operator"),
    }


def peer_data(peer: Any) -> dict[str, Any]:
    """Another counter's verdict as plain data."""
    return asdict(peer)


def run_data(outcomes: Sequence[Outcome], breaches: Sequence[Breach]) -> dict[str, Any]:
    """A whole run: its audits, the models that failed and why, and the limits that were broken."""
    return {
        "schema": SCHEMA,
        "convention": NOTE,
        "audits": [audit_data(o) for o in outcomes if isinstance(o, Audit)],
        "failures": [asdict(o) for o in outcomes if isinstance(o, Failure)],
        "breaches": [asdict(breach) for breach in breaches],
    }


def to_json(outcomes: Sequence[Outcome], breaches: Sequence[Breach]) -> str:
    """A run as JSON text."""
    return json.dumps(run_data(outcomes, breaches), indent=1, ensure_ascii=False, allow_nan=False)
