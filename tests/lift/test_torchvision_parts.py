"""Parts of torchvision's detectors: what they hold by torchvision's own modules, and what they compute, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torchvision")

from archlab.errors import AuditError, InputError, LiftError
from archlab.lift.lift_target import lift_target
from tests.lift import small_detectors

FILE = Path(small_detectors.__file__)

FINEST = ("backbone.body", "backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks.0")
PARTS = (
    ("faster_rcnn", "backbone", None, ("backbone.body",)),
    ("faster_rcnn", "neck", None, FINEST),
    ("faster_rcnn", "neck", "1", ("backbone.body", "backbone.fpn.inner_blocks.1", "backbone.fpn.layer_blocks.1")),
    ("faster_rcnn", "rpn", None, ("rpn.head.conv", "rpn.head.cls_logits")),
    ("faster_rcnn", "rpn", "deltas", ("rpn.head.conv", "rpn.head.bbox_pred")),
    ("faster_rcnn", "box_head", None, ("roi_heads.box_head", "roi_heads.box_predictor.cls_score")),
    ("mask_rcnn", "mask_head", None, ("roi_heads.mask_head", "roi_heads.mask_predictor")),
    ("retinanet", "neck", "p6", ("backbone.body", "backbone.fpn.inner_blocks.1", "backbone.fpn.layer_blocks.1")),
    ("retinanet", "classification_head", None, ("head.classification_head",)),
    ("retinanet", "regression_head", None, ("head.regression_head",)),
    ("fcos", "backbone", None, ("backbone.body",)),
    ("fcos", "regression_head", "centerness", ("head.regression_head.conv", "head.regression_head.bbox_ctrness")),
    ("ssd", "backbone", None, ("backbone",)),
    ("ssd", "classification_head.1", None, ("head.classification_head.module_list.1",)),
)


@pytest.mark.parametrize(("name", "part", "output", "modules"), PARTS)
def test_a_part_has_the_weights_of_its_modules_and_gives_what_they_do(name, part, output, modules):
    lifted = lift_target(f"{FILE}:{name}", ["3x64x64"], output, part=part)
    assert lifted.difference == 0
    held = getattr(small_detectors, name)().state_dict()
    mine = {key for key in held if key.startswith(tuple(f"{module}." for module in modules))}
    more = {key for key in held if output == "p6" and key.startswith("backbone.fpn.extra_blocks.p6.")}
    assert set(lifted.mapping.values()) == mine | more


def test_without_a_part_the_backbone_is_lifted_and_the_others_are_named():
    lifted = lift_target(f"{FILE}:mask_rcnn", ["3x64x64"])
    assert lifted.text.startswith("net mask_rcnn_backbone(input=3x64x64)\nstage1: conv(4, s=2)\n")
    assert lifted.unread == (), "other parts' weights are none that this one does not read"
    assert lifted.notes == (
        "this is the backbone, by its last level; --part lifts another: neck, rpn, box_head, mask_head",
    )


def test_heads_of_levels_are_named_by_the_first_and_the_last():
    (note,) = lift_target(f"{FILE}:ssd", ["3x32x32"], part="regression_head.0").notes
    others = "backbone, classification_head.0 to classification_head.1, regression_head.1"
    assert note == f"this is the regression head of level 0; --part lifts another: {others}"


def test_a_part_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(InputError, match="SSD has no part 'neck' that is one network") as refused:
        lift_target(f"{FILE}:ssd", ["3x32x32"], part="neck")
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("its parts are backbone, classification_head.0 to")


def test_a_level_that_the_language_cannot_say_is_refused_by_its_operators():
    with pytest.raises(LiftError, match="backbone: linalg_vector_norm of 1x8x16x16: the language has no operator"):
        lift_target(f"{FILE}:ssd", ["3x32x32"], "0")


def test_images_that_are_too_small_are_an_error():
    with pytest.raises(AuditError, match="the forward fails without data"):
        lift_target(f"{FILE}:faster_rcnn", ["4x64x64"])


def test_what_is_no_detector_has_no_parts():
    with pytest.raises(InputError, match="resnet18 is lifted whole"):
        lift_target("torchvision:resnet18", part="neck")
