from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from archlab.detect import box_response as module
from archlab.detect.attach import roi_node
from archlab.detect.box_response import box_response
from archlab.detect.level_entropy import entropy_of_levels, level_use
from archlab.detect.proposals import propose
from archlab.detect.shapes import drawn_shapes
from archlab.detect.untrained import pooled_features
from archlab.errors import InputError, ScoreError
from tests.detect.networks import BACKBONE, graph_of


@pytest.fixture(scope="module")
def graph():
    return graph_of()


@pytest.fixture(scope="module")
def data():
    return drawn_shapes(4, (64, 64), 0)


def test_the_gram_of_a_linear_map_is_known(monkeypatch):
    """Features A b: JᵀJ = D AᵀA D, D the sides by which b is measured."""
    monkeypatch.setattr(module, "PROJECTIONS", 4000)
    rng = torch.Generator().manual_seed(0)
    a = torch.randn(6, 4, generator=rng)
    rois = torch.rand(2, 5, generator=rng).requires_grad_()
    sides = torch.tensor([[2.0, 3, 2, 3], [1, 0.5, 1, 0.5]])
    found = module._gram(rois[:, 1:] @ a.T, rois, sides, rng)
    exact = torch.stack([torch.diag(s) @ a.T @ a @ torch.diag(s) for s in sides])
    assert ((found - exact).norm(dim=(1, 2)) / exact.norm(dim=(1, 2))).max() < 0.06


def test_both_scores_follow_from_the_whole_jacobian(graph, data, monkeypatch):
    monkeypatch.setattr(module, "PROJECTIONS", 300)
    sensitivity, information = box_response(graph, data, [2, 0], 6, 5)
    proposals = propose(data, [2, 0], torch.Generator().manual_seed(5), 6)
    proposals = proposals.part(proposals.labels > 0)
    pooled = pooled_features(graph, 5)
    rois = proposals.rois.clone().requires_grad_()
    features = pooled(data.batch([2, 0]), rois).flatten(1)
    rows = [
        torch.autograd.grad(features[:, i].sum(), rois, retain_graph=True)[0][:, 1:] for i in range(len(features[0]))
    ]
    width, height = (proposals.rois[:, 3:] - proposals.rois[:, 1:3]).unbind(1)
    jacobian = torch.stack(rows, dim=1) * torch.stack([width, height, width, height], dim=1)[:, None]
    values = features.detach()
    centred = values - values.mean(0)
    ratio = jacobian.square().sum((1, 2)) / centred.square().sum(1)
    assert sensitivity == pytest.approx(ratio.log().mean().item(), abs=0.05)
    gram = jacobian.transpose(1, 2) @ jacobian / values.var(0).mean()
    assert information == pytest.approx(0.5 * torch.logdet(torch.eye(4) + gram).mean().item(), rel=0.03)


def test_the_gradients_to_boxes_are_the_differences(graph, data):
    pooled = pooled_features(graph, 0)
    images = data.batch([0, 1])
    rois = torch.tensor([[0.0, 11.3, 9.1, 33.7, 40.9], [1, 20.2, 5.4, 50.1, 44.6]]).requires_grad_()
    with torch.no_grad():
        step = 0.05
        for side in range(1, 5):
            move = torch.zeros_like(rois)
            move[:, side] = step
            with torch.enable_grad():
                features = pooled(images, rois)
                ahead = torch.randn(features.shape, generator=torch.Generator().manual_seed(side))
                (gradient,) = torch.autograd.grad(features, rois, ahead)
            change = (pooled(images, rois + move) - pooled(images, rois - move)) * ahead / (2 * step)
            torch.testing.assert_close(change.sum((1, 2, 3)), gradient[:, side], rtol=0.15, atol=0.05)


def test_fewer_than_two_boxes_are_refused(graph, data):
    empty = dataclasses.replace(data, boxes=tuple(b[:0] for b in data.boxes), labels=tuple(x[:0] for x in data.labels))
    with pytest.raises(ScoreError, match="two true boxes"):
        box_response(graph, empty, [0, 1], 4, 0)


def test_box_features_are_the_graph_cut_behind_its_operator(graph, data):
    assert roi_node(graph).op == "roi_align"
    pooled = pooled_features(graph, 0)
    assert pooled(data.batch([0]), torch.tensor([[0.0, 1, 1, 9, 9]])).shape == (1, 8, 3, 3)
    again = pooled_features(graph, 0)
    assert all(map(torch.equal, pooled.parameters(), again.parameters()))


def test_a_backbone_is_no_detector(data):
    with pytest.raises(InputError, match="small is no detector: it has no RoI operator") as caught:
        level_use(graph_of(BACKBONE), data)
    assert "detect" in caught.value.hint


def test_level_use_by_hand(graph, data):
    """floor(4 + log2(side / 224)): p2 up to 112, p3 up to 224, p4 above."""
    sides = [10.0, 111.9, 112.0, 223.0, 224.0, 900.0, 60.0, 30.0]
    boxes = (torch.tensor([[0.0, 0, side, side] for side in sides]), *[torch.zeros(0, 4)] * 3)
    assert level_use(graph, dataclasses.replace(data, boxes=boxes)) == {"p2": 0.5, "p3": 0.25, "p4": 0.25}
    none = dataclasses.replace(data, boxes=(torch.zeros(0, 4),) * 4)
    assert level_use(graph, none) == pytest.approx(dict.fromkeys(("p2", "p3", "p4"), 1 / 3))


def test_level_entropy_by_hand(graph):
    stem, stage1, stage2, stage3 = (0.5 * math.log(9 * channels) for channels in (3, 8, 8, 16))
    p2, p3 = math.log(8) + stem + stage1, math.log(16) + stem + stage1 + stage2
    assert entropy_of_levels(graph, {"p2": 1, "p3": 0, "p4": 0}) == pytest.approx(p2)
    mixed = entropy_of_levels(graph, {"p2": 0.5, "p3": 0.2, "p4": 0.3})
    assert mixed == pytest.approx(0.5 * p2 + 0.2 * p3 + 0.3 * (p3 + stage3))


def test_of_branches_the_larger_sum_counts_and_a_group_has_its_own_fan_in():
    text = BACKBONE.replace("stage1: conv(8, s=2)", "stage1: cat(conv(4, 5, s=2), group(4, 3, s=2, g=2))")
    both = entropy_of_levels(graph_of(text), {"p2": 1.0})
    assert both == pytest.approx(math.log(8) + 0.5 * math.log(27) + 0.5 * math.log(25 * 8))
    grouped = BACKBONE.replace("stage1: conv(8, s=2)", "stage1: group(8, 3, s=2, g=2)")
    assert entropy_of_levels(graph_of(grouped), {"p2": 1.0}) == pytest.approx(
        math.log(8) + 0.5 * math.log(27) + 0.5 * math.log(9 * 4)
    )
