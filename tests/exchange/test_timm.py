"""timm's block strings: its own definitions come in as its networks, and go out again."""

from __future__ import annotations

import doctest

import pytest
import timm
import torch

import archlab
from archlab.errors import InputError
from archlab.exchange import timm_in as timm_arch
from archlab.exchange.timm_in import from_timm
from archlab.exchange.timm_out import to_timm
from archlab.lift.copy_weights import copy_weights
from archlab.nn import build

EFFICIENTNET_B0 = """name efficientnet_b0
stem 32
act swish
se in
head 1280
ds_r1_k3_s1_e1_c16_se0.25
ir_r2_k3_s2_e6_c24_se0.25
ir_r2_k5_s2_e6_c40_se0.25
ir_r3_k3_s2_e6_c80_se0.25
ir_r3_k5_s1_e6_c112_se0.25
ir_r4_k5_s2_e6_c192_se0.25
ir_r1_k3_s1_e6_c320_se0.25
"""
MOBILENET_V3 = """name mobilenetv3_large_100
stem 16
act hard_swish
se exp
head_pooled 1280
ds_r1_k3_s1_e1_c16_nre
ir_r1_k3_s2_e4_c24_nre ir_r1_k3_s1_e3_c24_nre
ir_r3_k5_s2_e3_c40_se0.25_nre
ir_r1_k3_s2_e6_c80 ir_r1_k3_s1_e2.5_c80 ir_r2_k3_s1_e2.3_c80  # hard-swish
ir_r2_k3_s1_e6_c112_se0.25
ir_r3_k5_s2_e6_c160_se0.25
cn_r1_k1_s1_c960
"""
MOBILENET_V3_SMALL = """name mobilenetv3_small_100
stem 16
act hard_swish
se exp
head_pooled 1024
ds_r1_k3_s2_e1_c16_se0.25_nre
ir_r1_k3_s2_e4.5_c24_nre ir_r1_k3_s1_e3.67_c24_nre
ir_r1_k5_s2_e4_c40_se0.25 ir_r2_k5_s1_e6_c40_se0.25
ir_r2_k5_s1_e3_c48_se0.25
ir_r3_k5_s2_e6_c96_se0.25
cn_r1_k1_s1_c576
"""
MNASNET_B1 = """name mnasnet_100
head 1280
ds_r1_k3_s1_c16_noskip
ir_r3_k3_s2_e3_c24
ir_r3_k5_s2_e3_c40
ir_r3_k5_s2_e6_c80
ir_r2_k3_s1_e6_c96
ir_r4_k5_s2_e6_c192
ir_r1_k3_s1_e6_c320_noskip
"""
SEMNASNET = """name semnasnet_100
head 1280
ds_r1_k3_s1_e1_c16_noskip
ir_r2_k3_s2_e6_c24
ir_r3_k5_s2_e3_c40_se0.25
ir_r4_k3_s2_e6_c80
ir_r2_k3_s1_e6_c112_se0.25
ir_r3_k5_s2_e6_c160_se0.25
ir_r1_k3_s1_e6_c320
"""
THEIRS = [EFFICIENTNET_B0, MOBILENET_V3, MOBILENET_V3_SMALL, MNASNET_B1, SEMNASNET]
theirs = pytest.mark.parametrize("text", THEIRS, ids=lambda text: text.split()[1])


@theirs
def test_timms_definition_is_timms_network(text):
    network = archlab.elaborate(from_timm(text))
    reference = timm.create_model(network.name).eval()
    assert archlab.cost(network).params == sum(p.numel() for p in reference.parameters())
    ours = build(network.graph).eval()
    copy_weights(reference, ours)
    x = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = reference(x)
        assert (ours(x) - expected).abs().max() <= 1e-5 * expected.abs().max()


@theirs
def test_out_and_in_again_it_is_the_same_network(text):
    network = archlab.elaborate(from_timm(text))
    assert archlab.elaborate(from_timm(to_timm(network))).digest == network.digest


def test_a_shipped_network_goes_out():
    for name in ("efficientnet_b0", "mobilenet_v2"):
        network = archlab.elaborate(archlab.load(name))
        assert archlab.elaborate(from_timm(to_timm(network))).digest == network.digest
    text = to_timm(archlab.elaborate(archlab.load("mobilenet_v2")))
    assert text.splitlines()[5:8] == ["dropout 0.2", "ds_r1_k3_s1_c16", "ir_r2_k3_s2_e6_c24"]


def test_edge_residuals_and_convolutions_go_in_and_out():
    text = "stem 24\nact swish\nhead 256\ncn_r2_k3_s1_c24_skip\ner_r4_k3_s2_e4_c48\nir_r6_k3_s2_e4_c128_se0.25"
    network = archlab.elaborate(from_timm(text))
    assert network.stages[1][1].nodes == 2 * 4  # convolution, norm, activation and addition
    out = to_timm(network)
    assert out.splitlines()[-3:] == text.splitlines()[-3:]
    assert archlab.elaborate(from_timm(out)).digest == network.digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("uir_r1_k3_s2_e4_c32", "universal inverted bottlenecks cannot be imported: 'uir'"),
        ("mqa_r1_k3_h4_s1_d64_c128", "attention cannot be imported: 'mqa'"),
        ("ir_r1_k3_s1_e6_c24_cc4", "conditional convolutions cannot be imported: 'cc4'"),
        ("ir_r1_k3_a3_s1_e6_c24", "a kernel of the expansion cannot be imported: 'a3'"),
        ("ir_r1_k3_s1_e6_c24_gs8", "group sizes cannot be imported: 'gs8'"),
        ("ir_r1_k3.5_s1_e6_c24_q9", "'q9' means nothing in a block of type ir"),
        ("ir_r1_k3_s1_c24", "it lacks 'e'"),
        ("xx_r1_k3_s1_c24", "there is no such block type: 'xx'"),
        ("steam 32", "there is no key 'steam'"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(line, message):
    with pytest.raises(InputError) as error:
        from_timm(f"stem 16\n{line}\n", "f.txt")
    assert message in error.value.message
    assert "f.txt:2: " in error.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there are no block strings"),
        ("act swich\ncn_r1_k1_s1_c8", "act cannot be 'swich'"),
        ("se out\ncn_r1_k1_s1_c8", "se cannot be 'out'"),
        ("stem x\ncn_r1_k1_s1_c8", "stem must be a number of channels, not 'x'"),
        ("dropout x\ncn_r1_k1_s1_c8", "dropout must be a number, not 'x'"),
    ],
)
def test_a_file_that_is_wrong_says_why(text, message):
    with pytest.raises(InputError, match=message):
        from_timm(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet50", r"stage1\.0: no timm block string says conv2d -> bn -> add"),
        ("mnasnet1_0", "stem: timm's is a 3x3 convolution at stride 2, not conv2d -> bn -> relu -> conv2d"),
        ("mobilenet_v1", "stem: timm's is a 3x3 convolution at stride 2"),
        ("alexnet", "timm's strings need a stem, a stage and a head"),
    ],
)
def test_a_network_that_strings_cannot_say_is_refused_by_name(name, message):
    with pytest.raises(InputError, match=message):
        to_timm(archlab.elaborate(archlab.load(name)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("inverted(24, act=relu, norm=bn(eps=0.001))", "a.part.norm: no timm block string says this bn of eps 0.001"),
        ("inverted(24, act=relu, se=0.25)", "gate: no timm block string says this sigmoid"),
        ("conv(8, 3, d=2, p=2)", "a.conv2d: no timm block string says conv2d -> bn -> relu"),
        ("separable(8, norm=gn(2))", "a.depthwise: no timm block string says conv2d -> gn"),
    ],
)
def test_what_a_string_would_lose_is_refused_by_name(body, message):
    text = f"net n(input=3x64x64)\nstem: conv(16, 3, s=2)\na: {body}\nhead: gap -> fc(1000)"
    with pytest.raises(InputError) as error:
        to_timm(archlab.elaborate(archlab.parse(text)))
    assert message in error.value.message


def test_another_number_of_classes_is_refused():
    text = "net n(input=3x64x64)\nstem: conv(16, 3, s=2)\na: conv(8)\nhead: gap -> fc(10)"
    with pytest.raises(InputError, match=r"head\.fc\.linear: no timm block string says this linear of out_features 10"):
        to_timm(archlab.elaborate(archlab.parse(text)))


def test_the_docstrings_examples_hold():
    assert doctest.testmod(timm_arch).failed == 0
