"""The loop: same seed, same weights; a run that was killed goes on to the bit."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import archlab
from archlab.errors import InputError, ScoreError
from archlab.train import TrainSettings, evaluate, find_images, load_part, train
from archlab.train.loop import CHECKPOINT
from tests.train.drawn import folders
from tests.train.squares import SETTINGS, TEXT, assert_same, weights
from tests.waiting import DEADLINE


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    source = find_images(folders(tmp_path_factory.mktemp("data")))
    return load_part(source, "train", (3, 8, 8)), load_part(source, "val", (3, 8, 8))


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
from tests.train.squares import SETTINGS, TEXT
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
