"""Axes are followed through views and permutations: the oracle is a tensor whose elements say where they lie."""

from __future__ import annotations

import math
import random

import pytest
import torch

from archlab.lift.canonical.axes import Atom, aligned, layout_of, map_axes, regroup, whole

BATCH, SHAPE = 2, (12, 4, 6)


def indices_of(axes):
    """The element of (N, C, H, W) at each place of a tensor with these axes."""
    sizes = dict(zip("nchw", (BATCH, *SHAPE), strict=True))
    weights = {letter: math.prod(list(sizes.values())[i + 1 :]) for i, letter in enumerate("nchw")}
    total = torch.zeros((), dtype=torch.long)
    for axis in axes:
        along = torch.zeros(1, dtype=torch.long)
        for atom in axis:
            steps = torch.arange(atom.size) * atom.stride * weights[atom.letter]
            along = (along[:, None] + steps[None, :]).flatten()
        total = total[..., None] + along
    return total


def a_view(shape, rng):
    """Another shape of as many elements: neighbours merged, or one split."""
    shape = list(shape)
    at = rng.randrange(len(shape))
    if rng.random() < 0.4 and at + 1 < len(shape):
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
        return shape
    factor = rng.choice([n for n in (1, 2, 3, 4, 6) if shape[at] % n == 0])
    shape[at : at + 1] = [factor, shape[at] // factor]
    return shape


@pytest.mark.parametrize("seed", range(60))
def test_axes_say_where_every_element_lies(seed):
    rng = random.Random(seed)
    tensor = torch.arange(BATCH * math.prod(SHAPE)).reshape(BATCH, *SHAPE)
    axes = map_axes(BATCH, SHAPE)
    for _ in range(6):
        if rng.random() < 0.5:
            order = rng.sample(range(tensor.dim()), tensor.dim())
            tensor, axes = tensor.permute(order), tuple(axes[i] for i in order)
        else:
            shape = a_view(tensor.shape, rng)
            tensor, axes = tensor.reshape(shape), regroup(axes, shape)
        if axes is None:
            return  # the view cuts across pieces, and is refused
        assert torch.equal(indices_of(axes), tensor)


def test_a_view_that_cuts_across_pieces_is_none():
    channels_last = (*map_axes(1, (6, 5, 5))[:1], *map_axes(1, (6, 5, 5))[2:], whole("c", 6))
    assert regroup(channels_last, (1, 10, 15)) is None


def test_one_image_keeps_its_place_in_front():
    axes = map_axes(1, (6, 4, 4))
    assert regroup(axes, (1, 2, 3, 4, 4)) == (
        (Atom("n", 1),), (Atom("c", 2, 3),), (Atom("c", 3),), whole("h", 4), whole("w", 4),
    )  # fmt: skip


def test_broadcasting_aligns_from_the_right():
    x, gate = map_axes(2, (6, 4, 4)), map_axes(2, (6, 1, 1))
    assert aligned(x, gate) == aligned(gate, x) == x
    assert aligned(x, (whole("c", 6), *x[1:])) is None


@pytest.mark.parametrize(
    ("axes", "layout"),
    [
        (map_axes(1, (6, 4, 4)), "nchw"),
        (map_axes(2, (1, 1, 1)), "nchw"),
        (tuple(map_axes(2, (6, 4, 5))[i] for i in (0, 3, 2, 1)), "nwhc"),
        (regroup(map_axes(2, (6, 4, 4)), (2, 3, 2, 16)), None),
        (map_axes(2, (6,)), None),
    ],
)
def test_the_layout_of_a_map(axes, layout):
    assert layout_of(axes) == layout
