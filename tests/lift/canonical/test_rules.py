"""What models write in their own ways, as operators of the language: by name, and with the same outputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.lift.canonical.canonicalise import canonicalise
from archlab.lift.canonical.graph import named_graph
from archlab.lift.capture import capture
from archlab.lift.lifted import in_order
from archlab.nn import build
from archlab.ops import verify
from tests.lift.canonical.modules import CASES

ONE_IMAGE = (
    "tokens",
    "squeezed by linear layers",
    "select kernel",
    "shuffle",
    "flattened as TensorFlow does",
    "flattened as Caffe does",
)
"""Cases whose views could take a batch of one for something else."""


def graph_of(model, shape):
    form = canonicalise(capture(model, (torch.empty(shape, device="meta"),)))
    assert not form.refusals, form.refusals
    return named_graph(form, "net", [step for _, step in form.outputs])


def randomised(model):
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize(("name", "batch"), [*((name, 2) for name in CASES), *((name, 1) for name in ONE_IMAGE)])
def test_it_is_said_in_the_language_and_computes_the_same(name, batch):
    make, ops = CASES[name]
    model = randomised(make())
    named = graph_of(model, (batch, 6, 8, 8))
    assert [node.op for node in named.graph] == ops
    verify(named.graph)
    module = build(named.graph).eval()
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    assert {weight.name for weight in named.mapping.values()} == set(held)
    state = module.state_dict()
    for key, weight in named.mapping.items():
        state[key].copy_(in_order(held[weight.name].detach(), weight).reshape(state[key].shape))
    x = torch.randn(batch, 6, 8, 8)
    expected = model(x.clone())
    assert torch.allclose(module(x), expected, atol=1e-6, rtol=1e-5)
    assert expected.std() > 0


def test_nodes_have_the_paths_of_the_models_own_modules():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(6, 6, 3, padding=1), nn.ReLU()

        def forward(self, x):
            return self.relu(x + self.relu(self.conv(x)))

    named = graph_of(nn.Sequential(Block(), nn.BatchNorm2d(6)), (1, 6, 8, 8))
    assert [node.name for node in named.graph] == ["0.conv", "0.relu", "0.add", "0.relu_2", "1"]
    assert named.mapping["0.conv.weight"].name == "0.conv.weight"
    assert named.mapping["1.running_var"].name == "1.running_var"


@pytest.mark.parametrize(("layer", "args"), [("StdConv2d", {"gain": False}), ("ScaledStdConv2d", {"gamma": 1.2})])
def test_weight_standardisation_is_the_one_way_to_compute_a_weight(layer, args):
    layers = pytest.importorskip("timm.layers")
    conv = getattr(layers, layer)(6, 8, 3, padding=1, bias=True, **({} if "gain" in args else args))
    named = graph_of(conv, (1, 6, 8, 8))
    (node,) = named.graph
    assert node.op == "wsconv2d"
    assert node.attrs.get("gamma") == args.get("gamma")
    assert set(node.weights) == ({"weight", "bias"} if "gain" in args else {"weight", "bias", "gain"})
    module = build(named.graph)
    held = dict(conv.named_parameters())
    module.load_state_dict({key: held[weight.name] for key, weight in named.mapping.items()})
    x = torch.randn(2, 6, 8, 8)
    assert torch.allclose(module(x), conv(x), atol=1e-6)
