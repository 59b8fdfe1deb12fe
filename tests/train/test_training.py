"""The loop: same seed, same weights; a run that was killed goes on to the bit; nothing is made on another device."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import archlab
from archlab.errors import InputError, ScoreError
from archlab.train import TrainSettings, evaluate, find_images, load_part, load_weights, save_weights, train
from archlab.train.ema import average, start_average
from archlab.train.loop import CHECKPOINT
from archlab.train.metrics import Evaluation, confusion
from archlab.train.normalisation import Normalisation
from archlab.train.optimiser import make_optimiser
from archlab.train.step import loss_of, start, take_step
from tests.train.drawn import folders
from tests.waiting import DEADLINE

TEXT = """\
net squares(input=3x8x8)
stem: conv(8, 3, s=2) -> dropout(0.1)
body: conv(8, 3)
head: gap -> fc(3)
"""
SETTINGS = TrainSettings(
    steps=14, batch=7, augment=("flip", "crop", "colour"), ema=0.9, clip=1.0, label_smoothing=0.1, checkpoint_every=0,
    device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    source = find_images(folders(tmp_path_factory.mktemp("data")))
    return load_part(source, "train", (3, 8, 8)), load_part(source, "val", (3, 8, 8))


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_same(one, other):
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_coloured_squares_are_learnt(parts):
    trained = train(archlab.build(TEXT), *parts, TrainSettings(epochs=20, batch=8, rate=0.1, device="cpu"))
    assert trained.last.accuracy == 1
    assert trained.steps == 60
    assert [look.step for look in trained.history] == list(range(0, 61, 3))
    assert trained.history[-1].loss < 0.2 < trained.history[1].loss
    assert (trained.device, trained.precision) == ("cpu", "float32")
    assert not trained.module.training
    assert evaluate(trained.module, parts[1]).loss == trained.history[-1].val_loss


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator(parts, optimiser):
    found = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        trained = train(archlab.build(TEXT), *parts, replace(SETTINGS, optimiser=optimiser, seed=seed))
        assert torch.equal(torch.get_rng_state(), before)
        found.append(weights(trained.module))
    assert_same(found[0], found[1])
    assert any(not torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_products_in_half_precision_leave_weights_in_single(parts):
    settings = TrainSettings(epochs=20, batch=8, rate=0.1, device="cpu", precision="bfloat16")
    trained = train(archlab.build(TEXT), *parts, settings)
    assert trained.precision == "bfloat16"
    assert trained.last.accuracy == 1
    assert {p.dtype for p in trained.module.parameters()} == {torch.float32}
    plain = train(archlab.build(TEXT), *parts, replace(settings, precision="float32"))
    assert not torch.equal(trained.module.get_parameter("head.fc.linear.weight"),
                           plain.module.get_parameter("head.fc.linear.weight"))  # fmt: skip


class StopError(Exception):
    pass


@pytest.mark.parametrize("stop", [1, 3, 4, 13])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_run_that_stopped_goes_on_to_the_bit(parts, tmp_path, stop, ema):
    settings = replace(SETTINGS, ema=ema)
    whole = train(archlab.build(TEXT), *parts, settings)

    def interrupt(line):
        if f"step {stop} of" in line:
            raise StopError

    def run(progress):
        return train(archlab.build(TEXT), *parts, settings, folder=tmp_path, data_digest="d", progress=progress)

    with pytest.raises(StopError):
        run(interrupt)
    taken = []
    again = run(taken.append)
    assert len(taken) == 14 - (stop - 1), "the step before the checkpoint is not taken again"
    assert_same(weights(whole.module), weights(again.module))
    assert [replace(look, seconds=0) for look in whole.history] == [replace(look, seconds=0) for look in again.history]
    taken.clear()
    done = run(taken.append)
    assert taken == []
    assert_same(weights(whole.module), weights(done.module))
    assert done.last.loss == whole.last.loss


PROGRAM = """
import os, signal, sys
from pathlib import Path
import archlab
from archlab.train import *
from tests.train.test_training import SETTINGS, TEXT
source = find_images(sys.argv[1])
parts = [load_part(source, name, (3, 8, 8)) for name in ("train", "val")]
def progress(line):
    if "step 9 of" in line:
        os.kill(os.getpid(), signal.SIGKILL)
train(archlab.build(TEXT), *parts, SETTINGS, folder=Path(sys.argv[2]), progress=progress)
"""


def test_a_process_that_was_killed_goes_on_to_the_bit(tmp_path):
    data, out = folders(tmp_path / "data"), tmp_path / "out"
    out.mkdir()
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", PROGRAM, data, out], cwd=root, timeout=DEADLINE, check=False)
    assert run.returncode == -signal.SIGKILL
    assert [path.name for path in out.iterdir()] == [CHECKPOINT]
    source = find_images(data)
    parts = load_part(source, "train", (3, 8, 8)), load_part(source, "val", (3, 8, 8))
    steps = []
    again = train(archlab.build(TEXT), *parts, SETTINGS, folder=out, progress=steps.append)
    assert steps[0].startswith("training: step 9 of 14, ")
    assert_same(weights(train(archlab.build(TEXT), *parts, SETTINGS).module), weights(again.module))


def test_another_training_s_checkpoint_is_refused_by_what_differs(parts, tmp_path):
    settings = replace(SETTINGS, steps=2)
    train(archlab.build(TEXT), *parts, settings, folder=tmp_path, data_digest="d")
    for module, changed, digest, said in (
        (archlab.build(TEXT), replace(settings, batch=3), "d", "batch was 7 and is 3"),
        (archlab.build(TEXT, seed=1), settings, "d", "the network and its first weights was"),
        (archlab.build(TEXT), settings, "e", "the data was d and is e"),
    ):
        with pytest.raises(InputError, match=f"is the state of another training: {said}"):
            train(module, *parts, changed, folder=tmp_path, data_digest=digest)
    train(archlab.build(TEXT), *parts, replace(settings, checkpoint_every=9), folder=tmp_path, data_digest="d")


def test_from_disk_the_same_weights_come(parts, tmp_path):
    source = find_images(folders(tmp_path))
    outside = load_part(source, "train", (3, 8, 8), share=0)
    assert outside.images is None
    one, other = (train(archlab.build(TEXT), part, parts[1], SETTINGS).module for part in (parts[0], outside))
    assert_same(weights(one), weights(other))


def test_seconds_end_a_training(parts, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("archlab.train.run.monotonic", lambda: next(clock))
    trained = train(archlab.build(TEXT), *parts, replace(SETTINGS, steps=None, seconds=60))
    assert 1 <= trained.steps < 60
    assert trained.history[-1].step == trained.steps
    assert trained.history[-1].seconds >= 60


def test_a_loss_that_is_not_finite_ends_the_training(parts):
    module = archlab.build(TEXT)
    module.get_parameter("head.fc.linear.weight").data.fill_(torch.nan)
    with pytest.raises(ScoreError, match="the loss is nan at step 1, and the training cannot go on"):
        train(module, *parts, SETTINGS)


def test_other_outputs_than_classes_are_refused(parts):
    with pytest.raises(InputError, match="gives 4 outputs for an image, and the data has 3 classes") as caught:
        train(archlab.build(TEXT.replace("fc(3)", "fc(4)")), *parts, SETTINGS)
    assert caught.value.hint == "end its text in gap -> fc(3)"


def test_a_teacher_of_the_same_classes_is_followed(parts):
    teacher = train(archlab.build(TEXT), *parts, TrainSettings(epochs=30, batch=8, rate=0.1, device="cpu")).module
    before = weights(teacher)
    settings = replace(SETTINGS, distil=1.0, steps=60, rate=0.1, ema=None, augment=(), batch=8)
    pupil = train(archlab.build(TEXT, seed=5), *parts, settings, teacher=teacher)
    assert pupil.last.accuracy == 1
    assert_same(before, weights(teacher))


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


def test_weights_are_kept_and_loaded(tmp_path):
    module, other = archlab.build(TEXT), archlab.build(TEXT, seed=1)
    save_weights(module, tmp_path / "w.pt")
    load_weights(other, tmp_path / "w.pt")
    assert_same(weights(module), weights(other))
    assert_same(weights(module), torch.load(tmp_path / "w.pt", weights_only=True))
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}}, tmp_path / "n.pt")
    other = archlab.build(TEXT, seed=2)
    load_weights(other, tmp_path / "n.pt")
    assert_same(weights(module), weights(other))


class Code:
    def __reduce__(self):
        return print, ("run",)


def test_other_files_of_weights_are_refused(tmp_path, capsys):
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match="there is no file of weights"):
        load_weights(archlab.build(TEXT), path)
    for content in (b"", b"PK\x03\x04", b"hello"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as weights"):
            load_weights(archlab.build(TEXT), path)
    torch.save({"a": Code()}, path)
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_weights(archlab.build(TEXT), path)
    assert capsys.readouterr().out == ""
    save_weights(archlab.build(TEXT.replace("fc(3)", "fc(4)")), path)
    with pytest.raises(InputError, match=r"head\.fc\S*weight and the network's differ in shape, 4x8 and 3x8"):
        load_weights(archlab.build(TEXT), path)
    save_weights(archlab.build(TEXT.replace("body", "trunk")), path)
    with pytest.raises(InputError, match=r"has no tensor body\.\S+; it has stem"):
        load_weights(archlab.build(TEXT), path)
