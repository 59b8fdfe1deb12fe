"""A text that stands for modules of another network: built with them, and refused by name without."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.elaborate import elaborate, load
from archlab.errors import BuildError
from archlab.exchange.export import FORMATS, export
from archlab.grammar import parse
from archlab.nn import build

TEXT = """net n(input=3x8x4)
body: conv(4) -> opaque("layer.attn", 4x8x4, params=20, macs=640)
down: opaque("down", 4x8x4, out=6x4x2, layout="nhwc", out_layout="nlc")
head: gap -> flatten -> opaque("fc", 6, out=2, params=14, macs=12)
"""


class Down(nn.Module):
    """(N, H, W, C) to tokens (N, L, C + 2), by every second place and two channels of 0."""

    def forward(self, x):
        assert x.shape[1:] == (8, 4, 4)
        return nn.functional.pad(x[:, ::2, ::2], (0, 2)).flatten(1, 2)


def originals():
    torch.manual_seed(0)
    return {"layer.attn": nn.Conv2d(4, 4, 1), "down": Down(), "fc": nn.Linear(6, 2)}


def test_originals_run_in_their_own_layouts():
    given = originals()
    module = build(TEXT, originals=given).eval()
    x = torch.randn(2, 3, 8, 4)
    y = given["layer.attn"](_conv(module, x))
    expected = given["fc"](nn.functional.pad(y[:, :, ::2, ::2].mean((2, 3)), (0, 2)))
    torch.testing.assert_close(module(x), expected)
    assert "head.opaque.original.weight" in module.state_dict()


def _conv(module, x):
    for name in ("conv2d", "norm", "act"):
        x = module.get_submodule(f"body.conv.{name}")(x)
    return x


def test_the_module_has_copies_in_training_mode():
    given = originals()
    given["fc"].eval()
    module = build(TEXT, originals=given)
    assert module.training
    assert all(part.training for part in module.modules())
    module.get_submodule("head.opaque.original").weight.data.zero_()
    assert given["fc"].weight.any()
    assert not given["fc"].training


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {},
            r'body.opaque: opaque\("layer.attn"\) stands for a module .* was not given(.|\n)*originals={\'layer.attn\'',
        ),
        ({"layer.att": nn.Identity()}, "no opaque 'layer.att'(.|\n)*did you mean layer.attn"),
        ({"fc": 3}, "given for the opaque 'fc' is a int, and no module"),
        ({"layer.attn": nn.Identity()}, "'layer.attn' has 0 parameters, and the text 20"),
    ],
)
def test_what_is_not_given_is_named(given, why):
    with pytest.raises(BuildError, match=why):
        build(TEXT, originals=given)


@pytest.mark.parametrize("to", FORMATS)
def test_only_text_can_hold_it(to):
    space = load(parse(TEXT))
    network = elaborate(TEXT)
    if to == "arch":
        assert elaborate(str(export(space, network, to))).graph.digest == network.graph.digest
        return
    with pytest.raises(BuildError, match=r'cannot be exported with opaque\("layer.attn"\), opaque\("down"\)'):
        export(space, network, to)
