"""What cannot be said, kept as it is: which modules, what they cost, and the same outputs with them given."""

from __future__ import annotations

import copy
import random

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import BuildError, ElaborationError, LiftError
from tests.lift.opaque_models import (
    ATTENTION_PARAMS,
    Around,
    Attention,
    Bare,
    InPlace,
    Layouts,
    Tokens,
    Twice,
    attention_macs,
)

SHAPE = (2, 3, 16, 12)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Layouts().eval()


@pytest.fixture(scope="module")
def lifted(model):
    return archlab.lift(model, SHAPE, opaque=True)


def test_the_smallest_modules_with_one_input_and_output_are_kept(model, lifted):
    assert list(lifted.originals) == ["attn", "last", "tokens"]
    assert all(lifted.originals[name] is model.get_submodule(name) for name in lifted.originals)


def test_the_text_has_their_shapes_costs_and_layouts(lifted):
    found = {node.attrs["name"]: node for node in lifted.written if node.op == "opaque"}
    tokens = 4 * (8 * 8 + 8)
    assert [node.params for node in found.values()] == [ATTENTION_PARAMS, 0, tokens]
    assert [node.macs for node in found.values()][:2] == [attention_macs(8 * 6), 0]
    assert {node.shape for node in found.values()} == {(8, 8, 6)}
    assert [node.attrs.get("layout", "nchw") for node in found.values()] == ["nchw", "nhwc", "nlc"]
    assert 'opaque("last", 8x8x6, layout="nhwc")' in lifted.text


def test_counts_are_the_models_and_outputs_too(model, lifted):
    audit = archlab.audit(model, SHAPE)
    assert lifted.params == sum(p.numel() for p in model.parameters())
    assert lifted.macs * SHAPE[0] == audit.macs
    assert archlab.cost(lifted.text).macs == lifted.macs
    assert lifted.difference is not None
    assert lifted.difference < 1e-6
    # Every tensor that the model reads is mapped once, those inside of opaque modules too.
    read = {key for key in model.state_dict() if not key.endswith("num_batches_tracked")}
    assert read <= set(lifted.mapping.values())
    assert len(set(lifted.mapping.values())) == len(lifted.mapping)


def test_a_text_is_built_with_the_originals_and_the_weights(model, lifted):
    fresh = {name: copy.deepcopy(module) for name, module in lifted.originals.items()}
    for module in fresh.values():
        for parameter in module.parameters():
            nn.init.zeros_(parameter)
    built = archlab.build(lifted.text, originals=fresh).eval()
    built.load_state_dict(lifted.state_dict(), strict=False)
    x = torch.randn(SHAPE)
    torch.testing.assert_close(built(x), model(x))
    assert all(not p.any() for module in fresh.values() for p in module.parameters())  # they were copied


def test_modules_of_the_same_kind_are_no_repeat():
    torch.manual_seed(0)
    model = Around(nn.Sequential(Attention(8), nn.ReLU(), Attention(8), nn.ReLU(), Attention(8), nn.ReLU())).eval()
    lifted = archlab.lift(model, SHAPE, opaque=True)
    assert lifted.difference == 0
    assert [lifted.text.count(f'"inner.{i}"') for i in (0, 2, 4)] == [1, 1, 1]


def test_a_model_that_can_be_said_keeps_nothing_opaque():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    lifted = archlab.lift(model, SHAPE, opaque=True)
    assert not lifted.originals
    assert lifted.text == archlab.lift(model, SHAPE).text


def test_without_opaque_it_is_refused(model):
    with pytest.raises(LiftError, match="attn: matmul"):
        archlab.lift(model, SHAPE)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Bare(), "cumsum.*No module around it can be kept opaque: it is in the model itself"),
        (lambda: Around(InPlace()), "inner changes its input in place"),
    ],
)
def test_what_no_module_contains_is_refused_with_the_reasons(made, why):
    with pytest.raises(LiftError, match=why) as error:
        archlab.lift(made().eval(), SHAPE, opaque=True)
    assert len(error.value.reasons) == 1


def test_a_module_that_runs_twice_is_kept_with_what_runs_it():
    lifted = archlab.lift(Around(Twice()).eval(), SHAPE, opaque=True)
    assert list(lifted.originals) == ["inner"]
    assert lifted.params == 8 * 3 * 9 + 8 + ATTENTION_PARAMS
    assert lifted.difference == 0


def test_attention_of_three_inputs_is_kept_with_what_calls_it():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = Tokens(8)

        def forward(self, x):
            return self.tokens(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)

    lifted = archlab.lift(Around(Flat()).eval(), SHAPE, opaque=True)
    assert list(lifted.originals) == ["inner.tokens"]


def test_without_data_the_text_is_there_and_the_module_is_not():
    with torch.device("meta"):
        model = Around(Attention(8)).eval()
    lifted = archlab.lift(model, SHAPE, opaque=True)
    assert lifted.difference is None
    assert lifted.params == 8 * 3 * 9 + 8 + ATTENTION_PARAMS
    with pytest.raises(BuildError, match="cannot be copied"):
        archlab.build(lifted.text, originals=lifted.originals)


def test_widths_that_an_opaque_module_takes_are_not_opened():
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 1), nn.ReLU(), Attention(8), nn.Conv2d(8, 12, 1)
    ).eval()
    text = archlab.lift(model, SHAPE, opaque=True).text
    space = archlab.open_holes(text, ["width", "inner"])
    assert len(space.vars) == 1
    for seed in range(8):  # no draw changes what the module takes
        drawn = archlab.elaborate(space, archlab.Random(random.Random(seed))).graph
        assert [node.attrs["takes"] for node in drawn if node.op == "opaque"] == [(8, 16, 12)]
    with pytest.raises(ElaborationError, match='"4" takes 8x16x12, and is given 16x16x12'):
        archlab.elaborate(text.replace("conv(8, 1", "conv(16, 1"))
