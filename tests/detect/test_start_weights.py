"""A detector's backbone started from weights: what they name is theirs, and their norms stay as they were measured."""

from __future__ import annotations

import pytest
import torch

from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.shapes import drawn_shapes
from archlab.detect.start_weights import start_backbone
from archlab.detect.train_detector import Schedule, train
from archlab.detector import backbone_of
from archlab.nn import build
from tests.detect.networks import graph_of

pytest.importorskip("torchvision")


def test_the_backbone_is_the_weights_and_its_norms_are_measured_and_frozen():
    graph, data = graph_of(), drawn_shapes(8, (64, 64), 0)
    state = build(backbone_of(graph), seed=9).state_dict()
    model = small_faster_rcnn(graph, data, 0)
    before = {name: tensor.clone() for name, tensor in model.backbone.body.state_dict().items()}
    start_backbone(model, state, data)
    after = {name: tensor.clone() for name, tensor in model.backbone.body.state_dict().items()}
    for name, tensor in after.items():
        if name not in state:
            assert torch.equal(tensor, before[name]), "the neck is as it was"
        elif "running" not in name and "num_batches" not in name:
            assert torch.equal(tensor, state[name])
    train(model, data, Schedule(steps=2, batch_size=4), 0)
    trained = model.backbone.body.state_dict()
    frozen = [name for name in state if "running" in name]
    assert frozen
    assert all(torch.equal(trained[name], after[name]) for name in frozen)
    norms = {name.rpartition(".")[0] for name in frozen}
    assert all(torch.equal(trained[f"{name}.weight"], state[f"{name}.weight"]) for name in norms)
    moved = [name for name in state if name.endswith("weight") and name.rpartition(".")[0] not in norms]
    assert all(not torch.equal(trained[name], state[name]) for name in moved)


def test_norms_are_the_mean_and_variance_of_what_they_read():
    graph, data = graph_of(), drawn_shapes(8, (64, 64), 0)
    backbone = backbone_of(graph)
    module = build(backbone, seed=9)
    model = small_faster_rcnn(graph, data, 0)
    start_backbone(model, module.state_dict(), data)
    name, norm = next((n, m) for n, m in model.backbone.body.named_modules() if isinstance(m, torch.nn.BatchNorm2d))
    read = []
    module.get_submodule(name).register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    with torch.no_grad():
        module(data.batch(range(8)))
    torch.testing.assert_close(norm.running_mean, read[0].mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, read[0].transpose(0, 1).flatten(1).var(1), rtol=1e-4, atol=1e-5)
