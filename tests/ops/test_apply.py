"""One row per operator: its output, weights and counts, worked by hand on a map of 4x6x6."""

from __future__ import annotations

import pytest

from archlab.errors import ElaborationError, LimitError
from archlab.ir import numel
from archlab.ops import MAX_ELEMENTS, OPS, REQUIRED, apply_op
from tests.ops.every_operator import BY_HAND, MAP, X


def apply(name, x=X, /, **args):
    defaults = {key: value for key, value in OPS[name].signature.items() if value is not REQUIRED}
    return apply_op(name, [x], {**defaults, **args})


@pytest.mark.parametrize(("name", "args", "shape", "params", "macs"), BY_HAND)
def test_an_operators_output_weights_and_macs(name, args, shape, params, macs):
    applied = apply(name, **args)
    assert (applied.shape, applied.params, applied.macs) == (shape, params, macs)
    assert applied.activations == (numel(shape) if "conv" in name else 0)


def test_linear_multiplies_features():
    applied = apply("linear", (32,), n=10)
    assert (applied.shape, applied.params, applied.macs, applied.activations) == ((10,), 330, 320, 10)
    assert apply("linear", (32,), n=10, bias=0).params == 320


@pytest.mark.parametrize(
    ("name", "args", "other"),
    [  # as fvcore counts them: a scale and a shift; five for group norm; one an element read or put out
        ("bn", {}, 2 * MAP), ("gn", {"g": 2}, 5 * MAP), ("gap", {}, MAP), ("upsample", {"scale": 3}, 9 * MAP),
        ("relu", {}, 0), ("maxpool", {"k": 2}, 0), ("conv2d", {"c": 8}, 0),
    ],
)  # fmt: skip
def test_what_fvcore_adds_beyond_macs(name, args, other):
    assert apply(name, **args).other == other


def test_joins():
    assert apply_op("add", [X, X], {}).shape == X
    assert apply_op("cat", [X, (3, 6, 6)], {}).shape == (7, 6, 6)
    assert apply_op("mul", [(4, 1, 1), X], {}).shape == X
    assert apply_op("mul", [(1, 6, 6), X], {}).shape == X
    assert apply_op("slice", [X], {"start": 1, "stop": 3}).shape == (2, 6, 6)


def test_a_pooling_strides_by_its_window_unless_told():
    assert apply("maxpool", k=2).attrs == {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil": False}


def test_nothing_may_hold_more_elements_than_the_limit():
    assert apply("upsample", (1, 2**10, 2**10), scale=2**10).shape == (1, 2**20, 2**20)
    with pytest.raises(
        LimitError, match=f"the output would hold {4 * MAX_ELEMENTS} elements, more than {MAX_ELEMENTS}"
    ):
        apply("upsample", (1, 2**10, 2**10), scale=2**11)


def test_only_views_and_joins_are_marked():
    assert {name for name, op in OPS.items() if op.view} == {"flatten", "dropout", "slice"}
    assert {name for name, op in OPS.items() if op.joins} == {
        "add", "sub", "mul", "cat", "upsample_like", "roi_align", "roi_pool",
    }  # fmt: skip


def test_an_opaque_module_is_what_it_says():
    said = {"name": "layer1.attn", "takes": X, "params": 80, "macs": 2880}
    applied = apply("opaque", **said)
    assert (applied.shape, applied.params, applied.macs, applied.activations) == (X, 80, 2880, MAP)
    smaller = apply("opaque", **said, out=(8, 3, 2), layout="nhwc", out_layout="nlc")
    assert smaller.shape == (8, 3, 2)
    assert OPS["opaque"].stride(smaller.attrs) == (2, 3)
    features = apply("opaque", **{**said, "params": 0}, out=10)
    assert (features.shape, features.params, OPS["opaque"].stride(features.attrs)) == ((10,), 0, None)
    with pytest.raises(ElaborationError, match=r'"layer1.attn" takes 4x6x6, and is given 8x6x6'):
        apply("opaque", (8, 6, 6), **said)
    with pytest.raises(
        ElaborationError, match="takes must be a map such as 256x14x14 or a number of features, not 3x3"
    ):
        apply("opaque", **{**said, "takes": (3, 3)})
