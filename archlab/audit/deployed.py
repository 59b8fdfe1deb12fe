"""A model as it is deployed: re-parameterisable branches merged, batch norms folded into what runs before them.

Branches are merged by the model's own methods, on a copy without data. Folding needs no copy: a batch norm whose only
input is a convolution or linear layer that nothing else reads scales that layer's weights and becomes its bias.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator

import torch
from torch import nn

from archlab.audit.audit_result import Audit
from archlab.audit.counts import Counts
from archlab.audit.findings import Deployed, Operator
from archlab.audit.tracing.model_copy import copy_without_values
from archlab.user_prints import prints_on_stderr

METHODS = ("fuse", "reparameterize", "switch_to_deploy")
"""The methods by which timm's models, and those written alike, merge their branches."""

_FOLDS_INTO = {"conv1d", "conv2d", "conv3d", "linear", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}


def has_branches(model: nn.Module) -> bool:
    """Whether a module of ``model`` knows how to merge its branches."""
    return any(callable(getattr(type(module), name, None)) for module in model.modules() for name in METHODS)


def merge_branches(model: nn.Module) -> nn.Module:
    """Copy ``model`` without data, and merge its branches by its own methods.

    A model that fuses itself, as ultralytics' do, does so as a whole: it knows its parts. Of others every module that
    can merge its branches does, and is replaced by what it returns, as timm's ``reparameterize_model`` has it.

    Raises:
        Exception: whatever the model's own methods raise.
    """
    twin = copy_without_values(model)
    with torch.no_grad(), torch.device("meta"), prints_on_stderr():
        whole = getattr(twin, "fuse", None)
        if whole is None:
            _merge_inside(twin)
            return twin
        quiet = {"verbose": False} if "verbose" in inspect.signature(whole).parameters else {}
        fused = whole(**quiet)
    return fused if isinstance(fused, nn.Module) else twin


def _merge_inside(module: nn.Module) -> None:
    for name, child in tuple(module.named_children()):
        method = next((getattr(child, name) for name in METHODS if hasattr(child, name)), None)
        merged = None if method is None else method()
        if isinstance(merged, nn.Module):
            setattr(module, name, merged)
        _merge_inside(child)


def deployed_counts(audit: Audit, merged: bool = False) -> Deployed:
    """Count ``audit`` with its batch norms folded; ``merged`` notes that its branches are merged already."""
    params, change, folded = audit.params, Counts(), 0
    sizes = {module.path: module.own for module in audit.modules}
    for before, batch_norm in foldable(audit.operators):
        change += Counts(norm=-batch_norm.norm, read=-batch_norm.read, written=-batch_norm.written)
        params -= sizes[batch_norm.module]
        if not before.bias:
            channels = batch_norm.shapes[0][1]
            params += channels
            change += Counts(bias=before.activations, read=channels * getattr(torch, before.dtype).itemsize)
        folded += 1
    return Deployed(params=params, folded=folded, merged=merged, **(change + audit).counts())


def foldable(operators: tuple[Operator, ...]) -> Iterator[tuple[Operator, Operator]]:
    """Yield each batch norm that can be folded, behind the layer that takes it.

    Neither may run twice, for its weights would have to change in two ways, and nothing else may read what is between.
    """
    readers = Counter(i for operator in operators for i in operator.inputs)
    uses = Counter(name for operator in operators for name in operator.params)
    for operator in operators:
        if operator.op != "batch_norm" or len(operator.inputs) != 1 or operator.inputs[0] < 0:
            continue
        before = operators[operator.inputs[0]]
        once = all(uses[name] == 1 for name in (*before.params, *operator.params))
        if before.op in _FOLDS_INTO and readers[operator.inputs[0]] == 1 and before.params and once:
            yield before, operator
