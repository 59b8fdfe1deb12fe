"""What cannot be said is refused by its place, with the reason; every place, not only the first."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import LiftError
from tests.lift.canonical.modules import Of


def reasons(model, *shapes):
    with pytest.raises(LiftError) as caught:
        archlab.lift(model, shapes[0] if shapes else (1, 6, 8, 8))
    return caught.value.reasons


def written_through_a_view(m, x):
    y = m.conv(x)
    y[:, :2].relu_()
    return y + 1


def a_computed_weight(m, x):
    return nn.functional.conv2d(x, m.conv.weight.tanh(), m.conv.bias)


class Blur(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("filter", torch.ones(6, 1, 3, 3) / 9)

    def forward(self, x):
        return nn.functional.conv2d(x, self.filter, groups=6)


CONV = {"conv": nn.Conv2d(6, 6, 1)}
REFUSED = {
    "an operator that the language lacks": (Of(lambda m, x: x.cumsum(1)), "cumsum of 1x6x8x8: the language has no"),
    "part of a map": (Of(lambda m, x: x[:, :, 1:]), "it takes part of the axis 2 of n x c6 x h8 x w8, and"),
    "every second channel": (Of(lambda m, x: x[:, ::2]), "it takes every 2th"),
    "statistics of the batch": (nn.BatchNorm2d(6, track_running_stats=False), "it takes its statistics from the batch"),
    "a weight that is computed": (Of(a_computed_weight, **CONV), r"its weight is computed of conv.weight by tanh"),
    "a weight that is shared": (Of(lambda m, x: m.conv(m.conv(x)), **CONV), "conv.weight is shared with conv_2"),
    "a change through a view": (Of(written_through_a_view, **CONV), "it reads what relu in the model changes in place"),
    "a constant": (Of(lambda m, x: x + torch.ones(6, 1, 1)), "its second input is computed by ones"),
    "places mixed with channels": (
        Of(lambda m, x: x.permute(0, 2, 3, 1).flatten(1)),
        "flattened in another order, as n x h8·w8·c6",
    ),
    "one value at many places": (Of(lambda m, x: x.mean((2, 3), True).expand_as(x)), "it repeats a value"),
    "attention": (Of(lambda m, x: nn.functional.scaled_dot_product_attention(x, x, x)), "the language has no operator"),
    "a norm over places": (nn.LayerNorm((6, 8, 8)), "its input has not its channels last"),
    "a filter that is not trained": (Blur(), "its weight filter is a buffer of the model, and in"),
    "a factor of one number": (Of(lambda m, x: x * m.gain, gain=nn.Parameter(torch.ones(()))), "by the weight gain"),
    "a cast that rounds": (Of(lambda m, x: x.relu().half().float()), "it rounds float32 to float16"),
    "a cast to whole numbers": (Of(lambda m, x: x.int().float()), "it rounds to int32"),
    "a product with infinity": (Of(lambda m, x: x * float("inf")), "a product with inf cannot be said"),
    "a sum with infinity": (Of(lambda m, x: x - float("inf")), "a sum with -inf cannot be said"),
    "columns in the place of rows": (Of(lambda m, x: torch.max_pool2d(x.swapaxes(2, 3), 2)), "but n x c6 x w8 x h8"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_its_place_and_reason(what):
    model, words = REFUSED[what]
    found = reasons(model)
    assert len(found) == 1 or what == "a weight that is shared"
    assert words in found[0]


def test_all_places_are_named_and_what_follows_is_still_read():
    blocks = [Of(lambda m, x: x.cumsum(1)), nn.Conv2d(6, 6, 1), Of(lambda m, x: x.erf()), nn.ReLU()]
    assert reasons(nn.Sequential(*blocks)) == (
        "0: cumsum of 1x6x8x8: the language has no operator for it",
        "2: erf of 1x6x8x8: the language has no operator for it",
    )


def test_the_message_says_what_and_where():
    with pytest.raises(LiftError, match=r"Sequential cannot be said in the language: 0: cumsum of 1x6x8x8: the lang"):
        archlab.lift(nn.Sequential(Of(lambda m, x: x.cumsum(1))), (1, 6, 8, 8))


def test_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, x):
            return {"a": x.relu(), "b": x.tanh()}

    with pytest.raises(LiftError, match=r"returns 2 tensors \(a, b\)"):
        archlab.lift(Two(), (1, 6, 8, 8))
    assert [node.op for node in archlab.lift(Two(), (1, 6, 8, 8), output="b").graph] == ["tanh"]
    assert "not 2x6" in reasons(nn.Identity(), (2, 6))[0]


@pytest.mark.parametrize("looks", [lambda x: x.sum() > 0, lambda x: x.amax().item() > 0, lambda x: x.equal(x + 1)])
def test_a_way_that_the_inputs_values_decide_is_refused(looks):
    model = Of(lambda m, x: m.conv(x) if looks(x) else m.conv(x).relu(), **CONV)
    with pytest.raises(LiftError, match="the forward looks at a value that the input decides"):
        archlab.lift(model, torch.ones(1, 6, 8, 8))


def test_casts_that_change_nothing_and_a_way_that_the_weights_decide_are_said():
    model = Of(lambda m, x: m.conv(x.double().float()) if m.conv.weight.sum() < 1e9 else x, **CONV)
    assert archlab.lift(model, torch.ones(1, 6, 8, 8)).graph.nodes[0].op == "conv2d"
