"""`archlab.shrink`: a module in memory, what stands for labels, and how gently it is trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import InputError
from archlab.shrink.improve import polish_settings
from archlab.shrink.request import ShrinkRequest, parse_share
from tests.train.drawn import folders


def model():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)).eval()


def test_a_module_in_memory_becomes_a_smaller_one(tmp_path):
    data = folders(tmp_path / "data", 12)
    outcome = archlab.shrink(
        model(), data, ["macs=0.6x"], inputs=(1, 3, 8, 8), trials=1, labelled=False, mean=[0.5], std=[0.5],
        out=tmp_path / "out",
    )  # fmt: skip
    shrunk = outcome.shrunk
    assert shrunk.result.cost["macs"] == sum(node.macs for node in outcome.graph) <= 0.6 * shrunk.original.cost["macs"]
    assert outcome.module(torch.rand(2, 3, 8, 8)).shape == (2, 3)
    names, judged = zip(*((one.name, one.judged) for one in shrunk.contenders), strict=True)
    assert any("_even_" in name for name in names)
    assert len(set(names)) == len(names)
    order = [(one.judged, one.macs) for one in shrunk.contenders]
    assert order == sorted(order, reverse=True), "the best of all that the walk judged, whoever drew it"
    assert len(set(judged)) < len(judged), "the larger of two that keep as much comes first"
    drawn = {(draw.macs, draw.accuracy) for draw in shrunk.draws}
    assert {(one.macs, one.judged) for one in shrunk.contenders} <= drawn, "the page's front is of these"
    assert all(one.macs <= 0.6 * shrunk.original.cost["macs"] for one in shrunk.contenders)
    assert (outcome.folder / "shrunk.html").read_text().startswith("<!doctype html>")
    with pytest.raises(InputError, match="a module has its weights in it"):
        archlab.shrink(model(), data, ["macs=0.6x"], weights="w.pt")


@pytest.mark.parametrize(("text", "read"), [("10%", (0.1, True)), ("2", (2.0, False)), (" 0.5 ", (0.5, False))])
def test_a_length_is_epochs_or_a_share(text, read):
    assert parse_share(text) == read


@pytest.mark.parametrize("text", ["", "%", "-1", "0", "0%", "nan", "1e9", "ten"])
def test_other_lengths_are_refused(text):
    with pytest.raises(InputError, match="is no length of a fine-tuning"):
        parse_share(text)


def test_what_cannot_be_asked_for_is_refused(tmp_path):
    good = {"text": "net n", "weights": tmp_path, "data": tmp_path, "budget": ("macs=1M",), "out": tmp_path}
    ShrinkRequest(**good)
    for wrong in ({"budget": ()}, {"std": (0.0,), "mean": (1.0,)}, {"holes": ("block",)}, {"holes": ("odd",)}):
        with pytest.raises(InputError):
            ShrinkRequest(**{**good, **wrong})


@pytest.mark.parametrize(
    ("macs", "images", "steps"),
    [
        (1e6, 60_000, 384),
        (1e6, 640, 80),
        (1e6, 3, 8),
        # As many steps as take MOST_MACS, and none where these would be too few.
        (1e8, 60_000, 156),
        (1e9, 60_000, None),
    ],
)
def test_polishing_is_bounded_by_images_and_by_work(macs, images, steps):
    settings = polish_settings(macs, images, 0)
    assert (settings and settings.steps) == steps
    assert settings is None or settings.distil == 1.0
