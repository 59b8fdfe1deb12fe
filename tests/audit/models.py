"""Models and inputs without data, as the tests of audits use them."""

from __future__ import annotations

import torch

from archlab.audit.audit_model import audit_model
from archlab.audit.build_model import build_without_memory
from archlab.audit.targets import find_targets


def audited(text, **options):
    """The audit of one target with its own inputs."""
    (target,) = find_targets(text)
    model = build_without_memory(target.make)
    args, kwargs = target.inputs(model, 1).make("meta")
    return audit_model(model, args, kwargs, target.name, **options)


def image(size=224):
    return torch.empty(1, 3, size, size, device="meta")
