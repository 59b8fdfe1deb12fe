"""Strided 1x1 convolutions of few channels train with channels first, as oneDNN computes them wrongly otherwise."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.shapes import drawn_shapes
from archlab.detect.short_training import short_training
from archlab.detect.train_detector import Schedule
from archlab.detect.train_detector import train as train_detector
from archlab.nn.narrow_strides import narrow_strides_apart
from archlab.train import TrainSettings, find_images, load_part, train
from tests.detect.networks import graph_of
from tests.train.drawn import folders
from tests.waiting import DEADLINE

LAST = torch.channels_last

GRADIENTS = """
import torch
from torch import nn
from archlab.nn.narrow_strides import narrow_strides_apart
torch.set_num_threads(1)
for channels in (1, 3, 4, 7, 8, 12, 15, 16):
    layer = nn.Conv2d(channels, 30, 1, stride=2, bias=False).to(memory_format=torch.channels_last)
    for _ in range(20):
        x = torch.randn(64, channels, 16, 16).contiguous(memory_format=torch.channels_last)
        grads = []
        for ours in (True, False):
            layer.zero_grad()
            if ours:
                with narrow_strides_apart(layer):
                    layer(x).square().sum().backward()
            else:
                with torch.backends.mkldnn.flags(enabled=False):
                    layer(x).square().sum().backward()
            grads.append(layer.weight.grad.clone())
        torch.testing.assert_close(*grads, rtol=1e-3, atol=1e-2)
print("right")
"""


def test_gradients_are_right_and_the_process_lives():
    command = [sys.executable, "-W", "ignore", "-c", GRADIENTS]
    run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (run.returncode, run.stdout) == (0, "right\n"), run.stderr


@pytest.mark.parametrize(
    ("layer", "is_apart"),
    [
        (nn.Conv2d(4, 8, 1, stride=2), True),
        (nn.Conv2d(15, 8, 1, stride=(1, 2)), True),
        (nn.Conv2d(32, 8, 1, stride=2, groups=4), True),
        (nn.Conv2d(16, 8, 1, stride=2), False),
        (nn.Conv2d(4, 8, 1), False),
        (nn.Conv2d(4, 8, (1, 3), stride=2), False),
        (nn.Conv2d(4, 8, 1, stride=2, device="meta"), False),
    ],
)
def test_what_the_fault_is_about_is_set_apart_and_nothing_is_left_of_it(layer, is_apart):
    layer.to(memory_format=LAST)
    seen: list[bool] = []
    x = torch.randn(2, layer.in_channels, 6, 6, device=layer.weight.device).contiguous(memory_format=LAST)
    before = layer(x)
    layer.register_forward_hook(lambda _, args, __: seen.append(args[0].is_contiguous(memory_format=LAST)))
    with narrow_strides_apart(layer):
        after = layer(x)
    with contextlib.suppress(ZeroDivisionError), narrow_strides_apart(layer):
        raise ZeroDivisionError
    layer(x)
    assert seen == [not is_apart, True]
    if not before.is_meta:
        torch.testing.assert_close(after, before)


CLASSIFIER = """net narrow(input=3x16x16)
stem: conv(4, 3)
body: basic(8, s=2)
head: gap -> fc(3)
"""
DETECTOR = """net narrow(input=3x64x64)
stem: conv(4, s=2)
stage1: basic(8, s=2)
stage2: basic(16, s=2)
stage3: conv(16, s=2)
detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16, classes=3)
"""


def train_a_classifier(folder: Path) -> None:
    part = load_part(find_images(folders(folder)), "train", (3, 16, 16))
    train(archlab.build(graph_of(CLASSIFIER)), part, part, TrainSettings(steps=2, batch=4, device="cpu"))


def train_a_head(_: Path) -> None:
    short_training(graph_of(DETECTOR), drawn_shapes(24, (64, 64), 0), 0, steps=12)


def train_a_whole_detector(_: Path) -> None:
    data = drawn_shapes(4, (64, 64), 0)
    train_detector(small_faster_rcnn(graph_of(DETECTOR), data, 0), data, Schedule(steps=1, batch_size=2), 0)


@pytest.mark.parametrize("training", [train_a_classifier, train_a_head, train_a_whole_detector])
def test_every_training_sets_them_apart(training: Callable[[Path], None], tmp_path: Path):
    layouts: set[bool] = set()

    def watch(layer: nn.Module, args: tuple[torch.Tensor, ...], _: object) -> None:
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.stride == (2, 2) and layer.training:
            layouts.add(args[0].is_contiguous(memory_format=LAST))
            assert True not in layouts, "its gradient would be written past its place"

    watching = nn.modules.module.register_module_forward_hook(watch)
    try:
        training(tmp_path)
    finally:
        watching.remove()
    assert layouts == {False}
