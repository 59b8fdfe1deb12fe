"""Audits: parameters, MACs, bytes and memory of any torch model, from one forward pass that computes nothing.

This file imports torch only when an audit is asked for: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from archlab.audit.audit_result import Audit

__all__ = ["audit"]


def audit(model: nn.Module, /, *args: Any, **kwargs: Any) -> Audit:
    """Count what ``model(*args, **kwargs)`` costs: parameters, arithmetic, bytes, activations, peak memory.

    The model runs once, in evaluation mode, on tensors without data; where its forward looks at values it runs for
    real, and ``Audit.reason`` says why. The model and the inputs are left exactly as they were. Counts are for the
    whole batch that is given. A torchvision detector is counted in parts, with as many proposals per image as it hands
    on at most (1,000 in most); ``archlab audit --proposals`` takes other numbers.

    Args:
        model: any module, on any device, the meta device included; compiled, scripted or lazy ones too.
        args, kwargs: what it is called with: tensors on any device, or whatever holds them.

    Raises:
        AuditError: the forward fails; the message says in which module.

    >>> import torch
    >>> result = audit(torch.nn.Linear(64, 10), torch.empty(8, 64))
    >>> result.params, result.macs, result.bias
    (650, 5120, 80)
    """
    from archlab.audit.audit_model import audit_model

    return audit_model(model, args, kwargs)
