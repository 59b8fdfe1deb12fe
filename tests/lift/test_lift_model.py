"""Models as text and back: equal counts, equal wiring, and with the model's weights equal outputs, to the bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import InputError, LiftError
from archlab.lift.lift_trace import lift_trace
from archlab.lift.lifted import Lifted

tv = pytest.importorskip("torchvision.models")

NAMES = {"resnet18": 64, "mobilenet_v3_small": 64, "shufflenet_v2_x0_5": 64, "regnet_y_400mf": 64, "googlenet": 64}
"""The side of the images on which outputs are compared; the benchmark has all of torchvision's."""


def randomised(model: nn.Module) -> nn.Module:
    """With batch-norm statistics that are not 0 and 1."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    more = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    return randomised(tv.get_model(name, weights=None, **more))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_network_to_the_bit(name):
    model = made(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    lifted = archlab.lift(model, (1, 3, NAMES[name], NAMES[name]), name=name)
    assert lifted.difference == 0
    assert lifted.params == sum(p.numel() for p in model.parameters())
    assert lifted.macs == archlab.audit(model, (1, 3, NAMES[name], NAMES[name])).macs
    # Every parameter and buffer stands in the mapping once.
    assert sorted(lifted.mapping.values()) == sorted(before)
    assert archlab.elaborate(lifted.text).graph.digest == lifted.written.digest
    assert model.training, "the model is left as it was"
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_layer_norms_and_layer_scale_differ_by_rounding_at_most():
    blocks = [tv.convnext.CNBlockConfig(16, 32, 2), tv.convnext.CNBlockConfig(32, None, 2)]
    model = tv.ConvNeXt(blocks, num_classes=10)
    for name, parameter in model.named_parameters():
        if "layer_scale" in name:
            parameter.data.normal_()
    lifted = archlab.lift(model, "3x64x64")
    assert lifted.difference is not None
    assert lifted.difference <= 1e-6


def test_the_module_starts_from_the_models_weights():
    model = made("mobilenet_v3_small").eval()
    lifted = archlab.lift(model, (1, 3, 64, 64))
    module = lifted.module()
    assert set(module.state_dict()) == set(lifted.mapping)
    x = torch.randn(3, 3, 64, 64)
    assert torch.equal(module(x), model(x))
    next(module.parameters()).data.zero_()
    assert next(model.parameters()).abs().sum() > 0, "its tensors are its own"


def test_a_model_without_data_is_lifted_and_has_no_weights():
    with torch.device("meta"):
        model = tv.resnet18(weights=None)
    lifted = archlab.lift(model, (2, 3, 64, 64))
    assert (lifted.difference, lifted.params, lifted.batch) == (None, 11_689_512, 2)
    with pytest.raises(InputError, match="no data"):
        lifted.module()


def test_tensors_are_inputs_too_and_stay_as_they_are():
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3))
    x = torch.randn(2, 3, 8, 8)
    before = x.clone()
    assert archlab.lift(model, x).difference == 0
    assert torch.equal(x, before)


def test_a_buffer_or_parameter_that_the_forward_does_not_read_is_named():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.other = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.used(x)

    lifted = archlab.lift(Half(), (1, 3, 8, 8))
    assert (lifted.unread, lifted.params) == (("other.bias", "other.weight"), 16)


def test_one_of_several_outputs_is_lifted_without_what_only_the_others_need():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1), nn.Conv2d(4, 5, 1)

        def forward(self, x):
            y = self.stem(x)
            return {"out": self.a(y), "aux": self.b(y).cumsum(1)}

    model = Heads()
    lifted = archlab.lift(model, (1, 3, 8, 8), output="out")
    assert (lifted.difference, lifted.unread) == (0, ("b.bias", "b.weight"))
    with pytest.raises(LiftError, match=r"cumsum of 1x5x6x6: the language has no operator"):
        archlab.lift(model, (1, 3, 8, 8), output="aux")
    with pytest.raises(InputError, match="has no output 'other'"):
        archlab.lift(model, (1, 3, 8, 8), output="other")


@pytest.mark.parametrize(("order", "layout"), [((0, 2, 3, 1), "nhwc"), ((0, 1, 3, 2), "ncwh"), ((0, 1, 2, 3), "nchw")])
def test_a_map_may_be_returned_with_its_axes_in_another_order(order, layout):
    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, (1, 3))

        def forward(self, x):
            return self.conv(x).permute(order)

    model, x = Turned(), torch.randn(2, 3, 6, 6)
    lifted = archlab.lift(model, x)
    assert (lifted.layout, lifted.difference) == (layout, 0.0)
    assert torch.equal(lifted.laid_out(lifted.module()(x)), model(x))


def test_outputs_that_differ_are_an_error(monkeypatch):
    """A model whose forward without data is another than with: no text can be right."""

    class TwoFaced(nn.Module):
        def forward(self, x):
            return x.relu() if x.is_meta else x.tanh()

    with pytest.raises(LiftError, match=r"the outputs differ by .* and by .* in float64"):
        archlab.lift(TwoFaced(), torch.randn(1, 3, 160, 160))


def test_counts_that_differ_are_an_error():
    from dataclasses import replace

    from archlab.lift.capture import capture, tensors_of

    model = nn.Conv2d(3, 4, 1)
    trace = capture(model, (torch.empty(1, 3, 8, 8, device="meta"),))
    wrong = replace(trace, calls=(replace(trace.calls[0], macs=1),))
    with pytest.raises(LiftError, match="the text has 768 MACs and the model 1: it is not the same network"):
        lift_trace(wrong, tensors_of(model), "net", None)


def test_what_is_no_module_is_refused():
    with pytest.raises(InputError, match="str is no torch module"):
        archlab.lift("resnet50", (1, 3, 8, 8))


def test_it_prints_as_its_text():
    lifted = archlab.lift(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), (1, 3, 8, 8), name="small net")
    assert isinstance(lifted, Lifted)
    assert str(lifted) == lifted.text
    assert repr(lifted) == "<Lifted small_net, 2 lines, 16 parameters, 768 MACs>"


def test_outputs_that_are_not_finite_are_compared_in_float64_or_refused():
    layers = [nn.Conv2d(4, 4, 1, bias=False) for _ in range(3)]
    for layer in layers:
        nn.init.constant_(layer.weight, 1e20)
    model = nn.Sequential(*layers)
    lifted = archlab.lift(model, (1, 4, 4, 4))
    assert lifted.difference == 0
    nn.init.constant_(layers[0].weight, float("nan"))
    with pytest.raises(LiftError, match="the model's outputs are not finite"):
        archlab.lift(model, (1, 4, 4, 4))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.conv.bias.mul_(0.5)
        return self.conv(x)


def test_buffers_and_weights_that_a_forward_changes_are_put_back():
    model = Counting()
    bias = model.conv.bias.clone()
    with pytest.raises(LiftError, match="the outputs differ"):
        archlab.lift(model, (1, 3, 4, 4))
    assert model.calls == 0
    assert torch.equal(model.conv.bias, bias)


def test_a_model_whose_lazy_layers_have_no_weights_yet_gives_its_text():
    lifted = archlab.lift(nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU()), (1, 3, 8, 8))
    assert lifted.params == 112
    with pytest.raises(InputError, match="no data to take weights from"):
        lifted.module()
