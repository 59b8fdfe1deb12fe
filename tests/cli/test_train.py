"""`archlab train`: files that come out, a run that goes on, and what is refused."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import archlab
from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.train import evaluate, find_images, load_part, load_weights
from tests.cli.command_line import ENVIRONMENT
from tests.train.drawn import folders
from tests.waiting import finish, until

TEXT = "net squares(input=3x8x8)\nstem: conv({4, 8}, 3, s=2)\nhead: gap -> fc(1000)\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders(tmp_path / "data", 10)
    (tmp_path / "data" / "red" / "notes.txt").write_text("x")
    (tmp_path / "n.arch").write_text(TEXT)
    return tmp_path


def train(*args):
    command = ["train", "n.arch", "--data", "data", "--steps", "60", "--batch", "8", "--rate", "0.1", "--device", "cpu"]
    return CliRunner().invoke(cli, [*command, *args], catch_exceptions=False)


def test_a_folder_of_images_becomes_weights_and_metrics(place):
    done = train("--set", "stem.conv.c=8", "--augment", "flip,crop", "--ema", "0.9")
    assert done.exit_code == 0
    assert re.search(r"^accuracy   100\.00 % ± 0\.00 of 3 test images$", done.stdout, re.MULTILINE)
    assert "results    out/train-squares" in done.stdout
    assert "archlab: red/notes.txt: is no image of a kind that is read" in done.stderr
    assert "held out 100.00 %" in done.stderr
    out = place / "out" / "train-squares"
    names = ["checkpoint.pt", "metrics.json", "network.arch", "split.json", "training.html", "weights.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == names
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["test"]["accuracy"], metrics["test"]["images"]) == (1, 3)
    assert metrics["test"]["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert metrics["data"]["images"] == {"train": 24, "val": 3, "test": 3}
    assert metrics["settings"]["augment"] == ["flip", "crop"]
    assert [look["step"] for look in metrics["history"]] == list(range(0, 61, 3))

    module = archlab.build(archlab.elaborate(str(out / "network.arch")))
    load_weights(module, out / "weights.safetensors")
    source = find_images("data")
    found = evaluate(module, load_part(source, "test", (3, 8, 8)))
    assert found.loss == pytest.approx(metrics["test"]["loss"], rel=1e-4)


def test_the_same_command_goes_on_and_another_is_refused(place):
    first = train("--json")
    again = train("--json")
    assert json.loads(first.stdout)["test"] == json.loads(again.stdout)["test"]
    assert "epoch" not in again.stderr, "no step was left"
    assert run(cli, ["train", "n.arch", "--data", "data", "--steps", "9", "--device", "cpu"]) == 2


def test_weights_to_begin_with_and_a_teacher(place):
    train("--out", "first", "--set", "stem.conv.c=8")
    init = train(
        "--out",
        "second",
        "--set",
        "stem.conv.c=8",
        "--init",
        "first/weights.safetensors",
        "--steps",
        "1",
        "--rate",
        "1e-9",
    )
    assert init.exit_code == 0
    assert "epoch 0: held out 100.00 %" in init.stderr
    taught = train(
        "--out",
        "third",
        "--teacher",
        "first/weights.safetensors",
        "--teacher-net",
        "first/network.arch",
        "--distil",
        "1",
    )
    assert "accuracy   100.00 %" in taught.stdout
    state = load_file("third/weights.safetensors")
    assert len(state["stem.conv2d.weight"]) == 4


def test_ctrl_c_leaves_a_state_from_which_the_same_command_goes_on(place):
    args = ["train", "n.arch", "--data", "data", "--batch", "8", "--device", "cpu", "--checkpoint-every", "0.001s"]
    command = [sys.executable, "-m", "archlab", *args, "--out", "o", "--steps"]
    running = subprocess.Popen([*command, "1000000"], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    until((place / "o" / "checkpoint.pt").exists, running)
    running.send_signal(signal.SIGINT)
    _, said = finish(running)
    assert running.returncode == 130
    assert said.endswith(
        "archlab: o/checkpoint.pt has the state: the same command goes on from it\narchlab: interrupted\n"
    )
    step = torch.load("o/checkpoint.pt", weights_only=True)["position"]["step"]
    assert step > 0
    assert not (place / "o" / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--augment", "flop"], "there is no augmentation 'flop'"),
        (["--time", "5m"], "as long as one of steps and seconds says"),
        (["--init", "gone.pt"], "there is no file of weights gone.pt"),
        (["--teacher-net", "n.arch"], "--teacher-net needs its weights"),
        (["--data", "gone"], "no such file or folder: gone"),
        (["--input", "4x8x8"], "with 1 channel or 3, and the network takes 4"),
        (["--out", "n.arch"], "cannot write n.arch"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(place, args, said, capsys):
    assert run(cli, ["train", "n.arch", "--data", "data", "--steps", "2", "--device", "cpu", *args]) == 2
    assert said in capsys.readouterr().err


def test_a_detector_is_refused(place, capsys):
    assert run(cli, ["train", "detection", "--data", "data", "--input", "3x64x64"]) == 2
    assert "is a detector or has several outputs" in capsys.readouterr().err
