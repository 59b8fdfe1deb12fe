"""`archlab shrink`: a smaller network with its weights, from a text and from a model; and what is refused."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import archlab
from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.original.shrunk import read_shrunk
from archlab.train import evaluate, find_images, load_part, load_weights
from archlab.train.normalisation import Normalisation
from tests.train.drawn import folders

TEXT = """net squares(input=3x8x8)
stem: conv(16, 3, s=2)
body: residual(conv(32, 3) -> conv(16, 3, act=none)) -> relu
head: gap -> fc(3)
"""
MODEL = """import torch
from torch import nn

def trained():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with images, and a network that was trained on them."""
    place = tmp_path_factory.mktemp("shrink")
    folders(place / "data", 20)
    (place / "n.arch").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        command = "train n.arch --data data --steps 60 --batch 8 --rate 0.1 --device cpu --out out/base"
        done = CliRunner().invoke(cli, command.split())
    assert done.exit_code == 0
    return place


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shrink(*args, model="out/base/network.arch", weights="out/base/weights.safetensors"):
    given = ["--weights", weights] if weights else []
    command = ["shrink", model, *given, "--data", "data", "-n", "6", "--out", "out/small"]
    return CliRunner().invoke(cli, [*command, *args], catch_exceptions=False)


def test_a_trained_network_becomes_half_of_itself(place, capsys):
    done = shrink("-b", "macs=0.5x")
    assert done.exit_code == 0, done.output
    out = place / "out" / "small"
    assert {path.name for path in out.iterdir()} >= {
        "network.arch", "weights.safetensors", "original.pt", "shrunk.json", "shrunk.html", "gram.json", "walk.json",
        "search",
    }  # fmt: skip
    shrunk = read_shrunk(out / "shrunk.json")
    assert shrunk.result.cost["macs"] <= 0.5 * shrunk.original.cost["macs"]
    assert shrunk.result.cost == archlab.cost(str(out / "network.arch")).as_dict()
    assert (shrunk.images, shrunk.tested, shrunk.original.right) == (6, True, 6)
    assert re.search(r"^ *accuracy \(%\) +100\.00 ± 0\.00", done.stdout, re.MULTILINE)
    # What was measured is what the files hold, normalised as the original was trained.
    module = archlab.build(archlab.elaborate(str(out / "network.arch")))
    load_weights(module, out / "weights.safetensors")
    known = json.loads((place / "out/base/metrics.json").read_text())["data"]["normalisation"]
    part = load_part(find_images("data"), "test", (3, 8, 8), normalisation=Normalisation(*map(tuple, known.values())))
    assert int(evaluate(module, part).confusion.diagonal().sum()) == shrunk.result.right

    # The commands that are printed run.
    printed = done.stdout.replace("\n      ", " ").splitlines()
    for command in [line.split() for line in printed if line.startswith("  archlab ")][:2]:
        assert run(cli, command[1:]) == 0
    assert (out / "network.onnx").exists()

    before = (out / "weights.safetensors").read_bytes()
    again = shrink("-b", "macs=0.5x")
    assert again.exit_code == 0
    assert (out / "weights.safetensors").read_bytes() == before
    judged = json.loads((out / "search" / "result.json").read_text())["trials"]
    assert len(judged) == 6, "the search is as it was"
    kept = [one.judged for one in shrunk.contenders]
    assert kept[0] > kept[-1], "the best first"
    assert kept == sorted(kept, reverse=True)
    beside = {one.name for one in shrunk.contenders if re.search("_(even|between)_|_widened$", one.name)}
    assert len(shrunk.draws) == len(judged) + len(beside)

    net = "shrink out/base/network.arch --weights out/base/weights.safetensors"
    base = f"{net} --data data -n 6 --out out/small -b".split()
    assert run(cli, [*base, "macs=0.5x", "--seed", "1"]) == 2
    assert "out/small has a shrinking of another network, other weights or other images" in capsys.readouterr().err
    assert run(cli, [*base, "macs=0.4x"]) == 2
    assert "budget" in capsys.readouterr().err


def test_the_better_of_before_and_after_a_fine_tuning_is_kept(place):
    done = shrink("-b", "macs=0.4x", "--finetune", "50%", "--json")
    assert done.exit_code == 0, done.output
    shrunk = read_shrunk(place / "out" / "small" / "shrunk.json")
    assert json.loads(done.stdout)["images"] == shrunk.images
    tuned = [one for one in shrunk.contenders if "fine-tuning" in one.seen]
    assert len(tuned) == min(3, len(shrunk.contenders))
    assert all(set(one.seen) == {"refit", "polish", "fine-tuning"} for one in tuned)
    chosen = shrunk.contenders[0]
    assert chosen.seen[shrunk.kept] == max(max(one.seen.values()) for one in tuned)
    # 60 steps of 8 images out of 48 are ten epochs, of which five are a half.
    assert shrunk.epochs == 5


def test_a_model_is_lifted_and_judged_by_agreement(place):
    (place / "model.py").write_text(MODEL)
    images = place / "data" / "loose"
    images.mkdir()
    for file in sorted((place / "data").glob("*/*.png")):
        file.rename(images / f"{file.parent.name}_{file.name}")
    done = shrink(
        "-b", "params=0.6x", "--unlabelled", "--input", "3x8x8", "--mean", "0.5", "--std", "0.25",
        model="model.py:trained", weights=None,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    shrunk = read_shrunk(place / "out" / "small" / "shrunk.json")
    assert not shrunk.labelled
    assert shrunk.original.right == shrunk.images
    assert shrunk.result.cost["params"] <= 0.6 * shrunk.original.cost["params"]
    assert "agreement (%)" in done.stdout
    # The weights beside are the lifted model's.
    lifted = archlab.build(archlab.parse(shrunk.original.text))
    load_weights(lifted, place / "out" / "small" / "original.pt")
    namespace = {}
    exec(MODEL, namespace)
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(lifted.eval()(x), namespace["trained"]().eval()(x))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "--budget macs=0.5x"),
        (("--rule", "separable", "-b", "macs=0.5x"), "a rule says itself what it saves"),
        (("-b", "macs=0.01x"), "no network"),
        (("-b", "macs=0.5x", "--holes", "groups"), "weights cannot be carried into holes of kind 'groups'"),
        (("-b", "macs=0.5x", "--finetune", "soon"), "'soon' is no length of a fine-tuning"),
        (("-b", "macs=0.5x", "--mean", "0.5"), "--mean and --std go together"),
        (("-b", "macs=0.5x", "--mean", "1,2", "--std", "1,2"), "the network takes 3 channels"),
        (("-b", "macs=0.5x", "--unlabelled", "--finetune", "1"), "images without labels cannot fine-tune"),
        (("-b", "macs=0.5x", "--weights", "n.arch"), "n.arch cannot be read as weights"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(place, capsys, args, message):
    base = ["shrink", "out/base/network.arch", "--weights", "out/base/weights.safetensors", "--data", "data", "-n", "4"]
    assert run(cli, [*base, *args]) in (1, 2)
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_weights_that_are_not_finite_are_refused(place, capsys):
    state = load_file("out/base/weights.safetensors")
    next(tensor for tensor in state.values() if tensor.is_floating_point())[0] = float("nan")
    torch.save(state, "nan.pt")
    command = "shrink out/base/network.arch --weights nan.pt --data data -b macs=0.5x"
    assert run(cli, command.split()) == 2
    assert re.search(r"nan\.pt has values in \S+ that are not finite", capsys.readouterr().err)


def test_a_text_without_weights_and_other_classes_are_refused(place, capsys):
    assert run(cli, ["shrink", "n.arch", "--data", "data", "-b", "macs=0.5x"]) == 2
    assert "'n.arch' is a text, which has no weights" in capsys.readouterr().err
    (place / "five.arch").write_text(TEXT.replace("fc(3)", "fc(5) -> relu"))
    torch.save(archlab.build(archlab.elaborate("five.arch")).state_dict(), "five.pt")
    assert run(cli, ["shrink", "five.arch", "--weights", "five.pt", "--data", "data", "-b", "macs=0.5x"]) == 2
    assert "puts out 5, and data has 3 classes" in capsys.readouterr().err


def test_suggestions_say_what_they_keep_and_a_rule_makes_one(place):
    def ran(*args):
        done = CliRunner().invoke(cli, [str(arg) for arg in args], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    trained = ["out/base/network.arch", "--weights", "out/base/weights.safetensors", "--data", "data"]
    said = json.loads(ran("rewrite", *trained, "--json"))
    assert (said["measured"], said["original"]) == ("accuracy", 1)
    assert 0 < len(said["kept"]) <= len(said["suggestions"])
    first = said["suggestions"][0]
    table = ran("rewrite", *trained, "--columns", "rule,saves,accuracy")
    assert re.search(rf"1 +{first['rule']}.* {100 * said['kept'][0]:.2f} %", table)
    assert f"on {said['images']} held-out images" in " ".join(table.split())
    audited = json.loads(ran("audit", *trained, "--suggest", "--json"))["suggestions"][0]
    assert audited["kept"] == said["kept"]
    ran("audit", *trained, "--suggest", "--html", "page.html")
    assert f'<td class="right">{100 * said["kept"][0]:.2f} %</td>' in (place / "page.html").read_text()

    done = ran("shrink", *trained, "--rule", "separable", "--out", "out/rule")
    assert "accuracy (%)" in done
    shrunk = read_shrunk(place / "out" / "rule" / "shrunk.json")
    assert shrunk.rule == "separable dm=1, everywhere"
    assert not (place / "out" / "rule" / "search").exists()
    # Pixels that are normalised otherwise are other images to the network.
    pixels = json.loads(ran("rewrite", *trained, "--mean", "0.9", "--std", "0.01", "--json"))
    assert pixels["original"] < 1
    same = json.loads(ran("audit", *trained, "--suggest", "--mean", "0.9", "--std", "0.01", "--json"))
    assert same["suggestions"][0]["kept"] == pixels["kept"]
    alone = CliRunner().invoke(cli, ["rewrite", *trained, "--mean", "0.5"])
    assert "go together" in str(alone.exception)
    for args in (
        ["rewrite", "n.arch", "--unlabelled"],
        ["audit", "n.arch", "--data", "data"],
        ["audit", "n.arch", "--std", "1"],
    ):
        refused = CliRunner().invoke(cli, args)
        assert refused.exit_code == 2
        assert "--data" in refused.output
