"""One step of a training, and what it is made of: losses, decay, averages, and the device that tensors are made on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import archlab
from archlab.train import TrainSettings
from archlab.train.ema import average, start_average
from archlab.train.metrics import Evaluation, confusion
from archlab.train.normalisation import Normalisation
from archlab.train.optimiser import make_optimiser
from archlab.train.step import loss_of, start, take_step
from tests.train.squares import SETTINGS, TEXT


def test_the_loss_is_torch_s_and_beside_a_teacher_hinton_s():
    logits, wanted = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 0])
    settings = TrainSettings(label_smoothing=0.2, distil=0.25, temperature=3)
    plain = nn.CrossEntropyLoss(label_smoothing=0.2)(logits, labels)
    assert torch.equal(loss_of(logits, labels, settings), plain)
    theirs = (wanted / 3).softmax(1)
    follow = (theirs * (theirs.log() - (logits / 3).log_softmax(1))).sum() / 5
    torch.testing.assert_close(loss_of(logits, labels, settings, wanted), 0.75 * plain + 0.25 * 9 * follow)


def test_norms_and_biases_have_no_weight_decay():
    module = archlab.build(TEXT)
    decays = {id(p): group["weight_decay"] for group in make_optimiser(module, TrainSettings()).param_groups
              for p in group["params"]}  # fmt: skip
    found = {name: decays[id(parameter)] for name, parameter in module.named_parameters()}
    assert found == {name: 5e-4 if parameter.ndim > 1 else 0 for name, parameter in module.named_parameters()}


def test_the_average_is_that_of_hand():
    module = nn.BatchNorm2d(1)
    kept = start_average(module)
    module.weight.data.fill_(3.0)
    module.num_batches_tracked.fill_(7)
    average(kept, module, 0.9, step=0)  # (1 + 0) / (10 + 0)
    assert kept["weight"].item() == pytest.approx(0.1 * 1 + 0.9 * 3)
    average(kept, module, 0.9, step=10**6)
    assert kept["weight"].item() == pytest.approx(0.9 * 2.8 + 0.1 * 3)
    assert kept["num_batches_tracked"].item() == 7


def test_an_evaluation_s_figures_are_those_of_hand():
    labels, said = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 1])
    found = Evaluation(0.5, confusion(labels, said, 3), labels, said, torch.ones(5))
    assert found.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert found.accuracy == 0.8
    assert found.standard_error == pytest.approx((0.8 * 0.2 / 5) ** 0.5)
    assert found.recall == (2 / 3, 1, None)


class OnlyOn(TorchDispatchMode):
    """Fail where a tensor with more than one number is made on another device."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.seen = device, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.numel() > 1:
                assert tensor.device.type == self.device, f"{func} on {tensor.device}"
                self.seen += 1
        return result


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_step_makes_nothing_on_another_device(channels_last, optimiser):
    settings = replace(SETTINGS, channels_last=channels_last, optimiser=optimiser, distil=0.5)
    with torch.random.fork_rng(devices=[]):
        meta = torch.device("meta")
        state = start(archlab.build(TEXT), archlab.build(TEXT), settings, meta, torch.float32)
        state.optimiser = make_optimiser(state.module.to_empty(device="meta"), settings)
        pixels, labels = torch.empty(7, 3, 8, 8, dtype=torch.uint8, device=meta), torch.zeros(7, device=meta).long()
        with OnlyOn("meta") as made:
            for step in range(2):
                loss = take_step(state, pixels, labels, Normalisation((0.5,) * 3, (0.2,) * 3), settings, 0.1, step)
    assert loss.device == meta
    assert made.seen > 100
