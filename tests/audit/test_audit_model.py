"""Counts against oracles: the closed form, published figures, and arithmetic by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

import archlab
from archlab.audit.conventions import fvcore_total
from archlab.audit.detector_parts import Boxes
from archlab.audit.targets import find_targets
from archlab.resources import shipped_spaces
from tests.audit.models import audited

COUNTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "timm" / "counts.csv"
NETWORKS = ("mobilenet_v1", "resnet50", "resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v2_x1_0", "xception")


@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_networks_cost_what_the_closed_form_says(name):
    network = archlab.elaborate(archlab.load(name))
    audit = audited(name)
    cost = archlab.cost(network)
    assert (audit.params, audit.macs, audit.activations) == (cost.params, cost.macs, cost.activations)
    # Both follow lifetimes over the running order: one by weak references, the other in closed form.
    assert audit.memory == cost.memory
    # The closed form's other arithmetic is fvcore's, which leaves max pooling out.
    assert fvcore_total(audit.operators) == cost.macs + cost.other
    assert name in shipped_spaces()


def test_a_detector_of_the_grammar_costs_what_the_closed_form_says():
    audit, cost = audited("detection"), archlab.cost(archlab.elaborate(archlab.load("detection")))
    assert (audit.params, audit.macs, audit.activations) == (cost.params, cost.macs, cost.activations)
    assert audit.memory == cost.memory
    # RoI align's interpolation is pooling here, and `other` in the closed form; fvcore alone does not know it.
    align = 4 * 2**2 * 100 * 32 * 5 * 5
    assert sum(operator.pool for operator in audit.operators if operator.op == "archlab::roi_align") == align
    assert fvcore_total(audit.operators) == cost.macs + cost.other - align
    assert not audit.uncounted
    assert audit.inputs[1].shape == (100, 5)


def test_resnet50_by_column():
    audit = audited("torchvision:resnet50")
    assert (audit.params, audit.macs) == (25_557_032, 4_089_184_256)
    assert fvcore_total(audit.operators) == 4_111_512_576
    assert (audit.norm, audit.bias, audit.activations) == (22_227_968, 1_000, 11_114_984)
    assert [m.path for m in audit.by_stage()][4:8] == ["layer1", "layer2", "layer3", "layer4"]
    assert audit.peak.operator == "layer1.0.downsample.1.batch_norm"
    # Three maps of 256x56x56 and the input of 64x56x56.
    assert audit.memory == 4 * 56 * 56 * (3 * 256 + 64)
    assert sum(size for _, size in audit.peak.live) == audit.memory


def test_bytes_and_intensity_by_hand():
    audit = archlab.audit(nn.Linear(64, 32), torch.ones(8, 64))
    (op,) = audit.operators
    assert (op.read, op.written) == (4 * (8 * 64 + 64 * 32 + 32), 4 * 8 * 32)
    assert op.intensity == (2 * 8 * 64 * 32 + 8 * 32) / (op.read + op.written)


def test_views_move_nothing_and_in_place_operators_allocate_nothing():
    model = nn.Sequential(nn.Flatten(), nn.ReLU(inplace=True), nn.Unflatten(1, (4, 4)))
    audit = archlab.audit(model, torch.empty(2, 4, 4, device="meta"))
    assert [o.op for o in audit.operators if o.written] == ["relu"]
    assert audit.memory == 0


@pytest.mark.slow
def test_torchvision_is_as_published():
    models = pytest.importorskip("torchvision.models")
    boxes = {  # what the published counts ran with, told by the counts themselves
        "fasterrcnn_mobilenet_v3_large_320_fpn": Boxes(0),
        "fasterrcnn_mobilenet_v3_large_fpn": Boxes(0),
        "maskrcnn_resnet50_fpn_v2": Boxes(1000, 100),
    }
    frozen = {"fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "fcos_resnet50_fpn"}
    checked = 0
    for target in find_targets("torchvision:*"):
        name = target.name.removeprefix("torchvision:")
        published = [w.meta for w in models.get_model_weights(name)]
        audit = audited(target.name, boxes=boxes.get(name))
        assert audit.uncounted == (), name
        assert audit.device == "meta", name
        ops = [w["_ops"] for w in published if "_ops" in w]
        assert not ops or any(abs(audit.macs / 1e9 - n) < 0.00051 for n in ops), (name, audit.macs, ops)
        checked += bool(ops)
        difference = min((abs(audit.params - w["num_params"]) for w in published), default=0)
        is_frozen = name in frozen or name == "retinanet_resnet50_fpn"
        mobile = name.startswith("fasterrcnn_mobilenet")
        assert difference == (53_120 if is_frozen else 24_400 if mobile else 0), name
    assert checked > 100


def published_lines():
    if not COUNTS.is_file():
        return []
    with COUNTS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[::40]


@pytest.mark.slow
def test_a_sample_of_timm_is_as_published():
    from benchmarks.zoo import Published, judge

    lines = published_lines()
    if not lines:
        pytest.skip("../shared/data/timm/counts.csv is not there")
    for row in lines:
        verdict = judge(Published(row["model"], int(row["img_size"]), float(row["gmacs"]), float(row["mparams"])))
        assert verdict.state in ("built", "deployed"), verdict


class Named(dict):
    """A container that a library registers without names for its parts, as diffusers does its outputs."""


def test_outputs_and_inputs_in_a_container_whose_parts_have_no_names():
    def rebuilt(values, names):
        return Named(zip(names, values, strict=True))

    pytree.register_pytree_node(Named, lambda named: (list(named.values()), list(named)), rebuilt)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 4, bias=False)

        def forward(self, given):
            return Named(sample=self.layer(given["x"]))

    audit = archlab.audit(Model(), Named(x=torch.ones(2, 8)))
    assert (audit.macs, audit.inputs[0].shape, audit.device) == (64, (2, 8), "meta")
