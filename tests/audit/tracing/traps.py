"""All traps: small models whose parameters and MACs are known by hand, () -> (model, args, kwargs, params, macs)."""

from __future__ import annotations

from tests.audit.tracing import call_traps, code_traps, layer_traps, sequence_traps
from tests.audit.tracing.trap import CASES, Fn

__all__ = ["CASES", "Fn", "call_traps", "code_traps", "layer_traps", "sequence_traps"]
