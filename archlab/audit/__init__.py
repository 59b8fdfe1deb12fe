"""Audits: parameters, MACs, bytes and memory of any torch model, from one forward pass that computes nothing.

This file imports torch only when an audit is asked for: ``import archlab`` must stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from archlab.audit.audit_result import Audit

__all__ = ["audit", "audit_detector"]


def audit(
    model: nn.Module,
    /,
    *args: Any,
    backward: bool = False,
    latency: bool = False,
    structure: bool = False,
    **kwargs: Any,
) -> Audit:
    """Count what ``model(*args, **kwargs)`` costs: parameters, arithmetic, bytes, activations, peak memory.

    The model runs once, in evaluation mode, on tensors without data; where its forward looks at values it runs for
    real, and ``Audit.reason`` says why. The model and the inputs are left exactly as they were. Counts are for the
    whole batch that is given. A torchvision detector is counted in parts, with as many proposals per image as it hands
    on at most (1,000 in most); ``archlab.audit_detector`` takes other numbers.

    Args:
        model: any module, on any device, the meta device included; compiled, scripted or lazy ones too.
        args, kwargs: what it is called with: tensors on any device, or whatever holds them. Where none of them is a
            tensor, a tuple of numbers is the shape of one, the batch included, and a text is read as the command reads
            ``--input``: ``"3x224x224"`` (one image) or ``"128:int64"``, or ``"spec.json"``, a file for the whole call.
        backward: whether to count what a training step runs for its gradients as well: ``Audit.backward``.
        latency: whether to time every module on this machine as well, by real forwards of a copy: ``Audit.latency``.
        structure: whether to look for the blocks that the model is made of as well: ``Audit.structure``, or in
            ``Audit.no_structure`` why they are not known.

    Raises:
        AuditError: the forward fails; the message says in which module.
        InputError: the model is no torch module; or an argument is no shape, or could be a shape and a value.

    >>> import torch
    >>> result = audit(torch.nn.Linear(64, 10), torch.empty(8, 64))
    >>> result.params, result.macs, result.bias
    (650, 5120, 80)
    >>> audit(torch.nn.Linear(64, 10), (8, 64)).macs, audit(torch.nn.Linear(64, 10), "64").macs
    (5120, 640)
    >>> audit(torch.nn.Conv2d(3, 8, 3), (1, 3, 8, 8), structure=True).structure.counts()
    {'standard convolution': 1}
    """
    from archlab.audit.audit_call import audit_call

    # What reads a model's graph lies above audits: it is imported by its name, when a structure is asked for.
    lift = import_module("archlab.lift.model_graph").called_graph if structure else None
    return audit_call(model, args, kwargs, backward=backward, latency=latency, lift=lift)


def audit_detector(
    model: nn.Module, /, *args: Any, proposals: int | None = None, detections: int = 0, **kwargs: Any
) -> Audit:
    """Count one of torchvision's detectors with as many boxes per image as are given; otherwise as ``archlab.audit``.

    Args:
        model: the detector.
        args, kwargs: what it is called with, as for ``archlab.audit``.
        proposals: boxes per image that its box head reads; by default the most that the detector hands on.
        detections: boxes per image that its mask and keypoint heads read.

    Raises:
        AuditError: the forward fails, and on which module.
        InputError: as ``archlab.audit``.

    >>> import torch, torchvision
    >>> faster_rcnn = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn
    >>> model = faster_rcnn(weights=None, weights_backbone=None)
    >>> images = [torch.empty(3, 320, 320)]
    >>> few, many = (audit_detector(model, images, proposals=n).macs for n in (10, 100))
    >>> (many - few) // 90
    14359552
    """
    from archlab.audit.audit_call import audit_call
    from archlab.audit.detector_parts import Boxes

    return audit_call(model, args, kwargs, Boxes(proposals, detections))
