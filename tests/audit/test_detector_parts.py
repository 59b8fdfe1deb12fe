"""torchvision's detectors in parts, against the published counts."""

from __future__ import annotations

from archlab.audit.detector_parts import Boxes
from tests.audit.models import audited


def test_faster_r_cnn_in_parts_is_the_published_count():
    audit = audited("torchvision:fasterrcnn_resnet50_fpn", boxes=Boxes(1000))
    assert round(audit.macs / 1e9, 2) == 134.38
    parts = {part.name: part for part in audit.parts}
    assert parts["backbone + neck"].macs == 88_381_440_000
    assert parts["proposal head"].macs == 31_638_729_216
    assert (parts["box head"].each, parts["box head"].times) == (14_359_552, 1000)
    assert sum(part.macs for part in audit.parts) == audit.macs
    # Its batch norms have a scale and a shift each; the published one's are frozen, and hold them as buffers.
    assert (
        audit.params - 41_755_286 == 53_120 == 2 * sum(o.shapes[0][1] for o in audit.operators if o.op == "batch_norm")
    )
    fewer = audited("torchvision:fasterrcnn_resnet50_fpn", boxes=Boxes(300))
    assert audit.macs - fewer.macs == 700 * 14_359_552


def test_a_keypoint_head_costs_by_detection():
    audit = audited("torchvision:keypointrcnn_resnet50_fpn", boxes=Boxes(1000, 1))
    assert round(audit.macs / 1e9, 2) == 137.42
    none = audited("torchvision:keypointrcnn_resnet50_fpn")
    each = {part.name: part.each for part in none.parts}["keypoint head"]
    assert audit.macs - none.macs == each
