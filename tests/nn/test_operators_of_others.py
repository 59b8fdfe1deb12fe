"""Operators against what they were made after: timm's layers, torch's functions, and ONNX Runtime."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archlab.audit import audit
from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.grammar import parse
from archlab.nn import build
from tests.nn.networks import graph_of
from tests.ops.every_operator import EVERY_OPERATOR

timm_layers = pytest.importorskip("timm.layers")
pool2d_same = pytest.importorskip("timm.layers.pool2d_same")
WINDOWS = list(itertools.product((7, 8, 9), (1, 2, 3, 5), (1, 2, 3)))


def layer_of(text, shape):
    """The module of a text of one stage, in eval mode, and its only operator's module."""
    module = build(graph_of(f"net n(input={'x'.join(map(str, shape))})\na: {text}")).eval()
    return module, next((part for part in module.modules() if not list(part.children())), None)


def images(shape, n=2):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(2))


def onnx_of(text, shape, x):
    from archlab.exchange.onnx_graph import to_onnx

    runtime = pytest.importorskip("onnxruntime")
    graph = graph_of(f"net n(input={'x'.join(map(str, shape))})\na: {text}")
    model = to_onnx(graph, build(graph)).SerializeToString()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["output"], {"input": x.numpy()})[0])


@pytest.mark.parametrize("dilation", [1, 2])
def test_tensorflows_padding_of_a_convolution_is_timms(dilation):
    for side, k, s in WINDOWS:
        shape = (2, side, side + 1)
        module, ours = layer_of(f"conv2d(3, {k}, s={s}, d={dilation}, p=tf)", shape)
        theirs = timm_layers.Conv2dSame(2, 3, k, s, dilation=dilation, bias=False)
        theirs.load_state_dict(ours.state_dict())
        x = images(shape)
        # Padding in the convolution or before it may be other kernels, which add in another order.
        torch.testing.assert_close(module(x), theirs(x), msg=lambda found, at=(side, k, s): f"{at}: {found}")
        assert module(x).shape[2:] == (-(-side // s), -(-(side + 1) // s))


def test_tensorflows_padding_of_a_pooling_is_timms():
    for side, k, s in WINDOWS:
        x = images((2, side, side + 1)) - 3  # below 0, where a padding with zeros would win
        for op, theirs in (("maxpool", "MaxPool2dSame"), ("avgpool", "AvgPool2dSame")):
            module, _ = layer_of(f"{op}({k}, s={s}, p=tf)", x.shape[1:])
            assert torch.equal(module(x), getattr(pool2d_same, theirs)(k, s)(x)), (op, side, k, s)


def test_a_mean_without_the_padding_is_torchs_on_either_side():
    for k, s in ((3, 1), (3, 2), (2, 1), (5, 3)):
        x = images((2, 9, 8))
        module, _ = layer_of(f"avgpool({k}, s={s}, count_pad=0)", x.shape[1:])
        assert torch.equal(module(x), F.avg_pool2d(x, k, s, (k - 1) // 2, count_include_pad=False))
        uneven, _ = layer_of(f"avgpool({k}, s={s}, p=tf, count_pad=0)", x.shape[1:])
        ones = torch.ones_like(x)
        padded = pool2d_same.avg_pool2d_same
        torch.testing.assert_close(uneven(x), padded(x, (k, k), (s, s)) / padded(ones, (k, k), (s, s)))


@pytest.mark.parametrize("text", ["wsconv2d(6, 3, s=2, g=2)", "wsconv2d(6, 3, s=2, p=tf, bias=1, eps=0.0001)"])
def test_a_standardised_convolution_is_timms(text):
    x = images((4, 8, 9))
    module, ours = layer_of(text, x.shape[1:])
    bias, same = "bias=1" in text, "p=tf" in text
    kind = timm_layers.StdConv2dSame if same else timm_layers.StdConv2d
    theirs = kind(4, 6, 3, 2, groups=1 if same else 2, bias=bias, eps=1e-4 if same else 1e-6)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(module(x), theirs(x))


@pytest.mark.parametrize("same", [True, False])
def test_a_scaled_standardised_convolution_is_timms(same):
    x = images((4, 8, 9))
    module, ours = layer_of(
        f"wsconv2d(6, 3, s=2, bias=1, gain=1, gamma=1.7, p={'tf' if same else 'same'})", x.shape[1:]
    )
    theirs = (timm_layers.ScaledStdConv2dSame if same else timm_layers.ScaledStdConv2d)(4, 6, 3, 2, gamma=1.7)
    assert list(theirs.state_dict()) == ["weight", "bias", "gain"] == list(ours.state_dict())
    assert bool((ours.gain == 1).all())
    with torch.no_grad():
        ours.gain.uniform_(0.5, 2)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(module(x), theirs(x))


def test_ecas_convolution_over_channels_is_timms():
    x = images((8, 5, 6))
    module, _ = layer_of("mul(identity, gap -> channel_conv(5) -> sigmoid)", x.shape[1:])
    theirs = timm_layers.EcaModule(kernel_size=5)
    theirs.load_state_dict({"conv.weight": next(iter(module.state_dict().values()))})
    torch.testing.assert_close(module(x), theirs(x), rtol=0, atol=1e-6)  # a mean here, an adaptive pooling there


def test_a_selective_kernel_is_timms():
    text = (
        "split(conv(8, 3), conv(8, 3, d=2)) -> mul(identity,"
        " group_sum(2) -> gap -> conv(4, 1) -> conv2d(16, 1) -> softmax(2)) -> group_sum(2)"
    )
    x = images((8, 6, 6))
    module, _ = layer_of(text, x.shape[1:])
    theirs = timm_layers.SelectiveKernel(8, 8, rd_channels=4).eval()
    assert [v.shape for v in module.state_dict().values()] == [v.shape for v in theirs.state_dict().values()]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), module.state_dict().values(), strict=True)))
    torch.testing.assert_close(module(x), theirs(x))


def test_split_attention_is_timms():
    text = (
        "conv(16, 3, g=2) -> mul(identity, group_sum(2) -> gap -> conv2d(8, 1, bias=1) -> bn -> relu"
        " -> conv2d(16, 1, bias=1) -> softmax(2)) -> group_sum(2)"
    )
    x = images((8, 6, 6))
    module, _ = layer_of(text, x.shape[1:])
    theirs = timm_layers.SplitAttn(8, rd_channels=4, norm_layer=nn.BatchNorm2d).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), module.state_dict().values(), strict=True)))
    torch.testing.assert_close(module(x), theirs(x))


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("conv_transpose(6, 3, s=2, p=1, out=1, g=2, d=2, bias=1)", lambda x, m: F.conv_transpose2d(
            x, m.weight, m.bias, 2, 1, 1, 2, 2)),
        ("conv_transpose(6, 2x3, s=2x1, p=0x1)", lambda x, m: F.conv_transpose2d(x, m.weight, None, (2, 1), (0, 1))),
        ("conv2d(4, 3, p=1x0)", lambda x, m: F.conv2d(x, m.weight, padding=(1, 0))),
        ("pad2d(top=1, right=3)", lambda x, _: F.pad(x, (0, 3, 1, 0))),
        ("upsample(3, mode=bilinear)", lambda x, _: F.interpolate(x, scale_factor=3, mode="bilinear")),
        ("upsample(2, mode=bilinear, align=1)", lambda x, _: F.interpolate(
            x, scale_factor=2, mode="bilinear", align_corners=True)),
        ("resize(5x11)", lambda x, _: F.interpolate(x, (5, 11), mode="bilinear")),
        ("resize(1)", lambda x, _: F.interpolate(x, (1, 1), mode="bilinear")),
        ("resize(11x5, align=1)", lambda x, _: F.interpolate(x, (11, 5), mode="bilinear", align_corners=True)),
        ("resize(3x13, mode=nearest)", lambda x, _: F.interpolate(x, (3, 13))),
        ("maxpool(3, s=1, p=1, d=2)", lambda x, _: F.max_pool2d(x, 3, 1, 1, 2)),
        ("maxpool(3, s=2, p=0, d=2, ceil=1)", lambda x, _: F.max_pool2d(x, 3, 2, 0, 2, ceil_mode=True)),
        ("avgpool(3, s=2, ceil=1, count_pad=0)", lambda x, _: F.avg_pool2d(x, 3, 2, 1, True, False)),
        ("gmp", lambda x, _: x.amax((2, 3), keepdim=True)),
        ("hardtanh(-0.5, 1.5)", lambda x, _: F.hardtanh(x, -0.5, 1.5)),
        ("elu(0.3)", lambda x, _: F.elu(x, 0.3)),
        ("gelu(approximate=tanh)", lambda x, _: F.gelu(x, approximate="tanh")),
        ("prelu(shared=1)", lambda x, _: F.leaky_relu(x, 0.25)),
        ("gn(2, eps=0.1)", lambda x, m: F.group_norm(x, 2, m.weight, m.bias, 0.1)),
        ("bn(eps=0.1, affine=0)", lambda x, m: F.batch_norm(x, m.running_mean, m.running_var, eps=0.1)),
        ("flatten -> ln(eps=0.1)", lambda x, _: F.layer_norm(x.flatten(1), (4 * 8 * 7,), eps=0.1)),
        ("sub(identity, factor(-0.5) -> offset(0.25))", lambda x, _: x - (x * -0.5 + 0.25)),
        ("softmax", lambda x, _: x.softmax(1)),
        ("add(identity, gmp)", lambda x, _: x + x.amax((2, 3), keepdim=True)),
        ("mul(group_sum(4), gmp)", lambda x, _: x.sum(1, keepdim=True) * x.amax((2, 3), keepdim=True)),
    ],
)  # fmt: skip
def test_an_operator_is_torchs_and_onnx_runtimes(text, theirs):
    x = images((4, 8, 7))
    module, only = layer_of(text, x.shape[1:])
    with torch.no_grad():
        y = module(x)
        torch.testing.assert_close(y, theirs(x, only), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(onnx_of(text, x.shape[1:], x), y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("text", [
    "conv2d(3, 3, s=2, p=tf)", "maxpool(3, s=2, p=tf)", "maxpool(2, s=1, p=tf)", "maxpool(3, s=1, d=2)",
    "avgpool(3, s=2, p=tf)", "avgpool(2, s=1, p=tf, count_pad=0)", "wsconv2d(6, 3, s=2, p=tf, gain=1, gamma=2, bias=1)",
])  # fmt: skip
def test_uneven_edges_in_onnx_runtime(text):
    for height, width in ((8, 7), (7, 8), (9, 9)):
        x = images((4, height, width)) - 1
        module, _ = layer_of(text, x.shape[1:])
        torch.testing.assert_close(onnx_of(text, x.shape[1:], x), module(x).detach(), rtol=1e-4, atol=1e-5)


def test_an_audit_counts_every_operator_as_its_row():
    network = elaborate(parse(EVERY_OPERATOR))
    total = cost(network)
    result = audit(build(network), (1, *network.input_shape))
    assert (result.params, result.macs) == (total.params, total.macs)
