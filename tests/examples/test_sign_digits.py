"""The example trains for real: on squares drawn here, and on its photographs where they are."""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from PIL import Image, ImageDraw

import archlab
from archlab.errors import InputError
from archlab.search.objective import parse_goals
from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "sign_digits"
EXCERPT = ROOT / "tests" / "data" / "sign_digits"
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "sign_digits"
COLOURS = {"blue": (40, 60, 220), "green": (40, 200, 60), "red": (220, 50, 40)}

SPACE = """\
net squares(input=3x16x16)
stem: conv({4, 8}, 3, s=2)
body: repeat([1..3], conv({8, 12, 16}, 3))
head: gap -> fc(3)
"""


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """A folder with a folder of squares for each colour, in sizes of their own, split by the example's script."""
    folder = tmp_path_factory.mktemp("squares")
    rng = random.Random(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir()
        for number in range(20):
            image = Image.new("RGB", (rng.randint(16, 40), rng.randint(16, 40)), (128, 128, 128))
            left, top = rng.randint(0, 6), rng.randint(0, 6)
            ImageDraw.Draw(image).rectangle((left, top, left + 8, top + 8), fill=colour)
            image.save(folder / name / f"{number:02}.png")
    run("split.py", str(folder))
    return folder


def run(script: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"IMAGE_FOLDER": str(folder)} if folder else {})
    command = [sys.executable, "-W", "ignore", str(EXAMPLE / script), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE
    )


@pytest.fixture(autouse=True)
def unloaded(monkeypatch):
    """No test sees the photographs of another: the example reads them while it is loaded."""
    for name in [name for name in sys.modules if name.startswith("archlab.user_code.")]:
        monkeypatch.delitem(sys.modules, name)


def objective(folder: Path, monkeypatch):
    """The example's function as a search loads it, and the module that it stands in."""
    monkeypatch.setenv("IMAGE_FOLDER", str(folder))
    function = parse_goals([f"{EXAMPLE / 'train.py'}:accuracy"])[0].function
    assert function is not None
    return function, sys.modules[function.__module__]


def network(seed: int = 0):
    return archlab.build(archlab.elaborate(archlab.parse(SPACE)).graph, seed)


def candidate(seed: int = 0):
    made = archlab.elaborate(archlab.parse(SPACE))
    return archlab.Candidate(0, SPACE, made.graph, archlab.cost(made).as_dict(), dict(made.draws), seed)


def judged_by(pruner: optuna.pruners.BasePruner, function) -> optuna.trial.FrozenTrial:
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(lambda trial: function(network(), candidate(), trial), n_trials=1)
    return study.trials[0]


def test_an_images_split_is_by_the_order_of_names_within_its_class(squares):
    splits = json.loads((squares / "splits.json").read_text(encoding="utf-8"))
    assert {split: len(items) for split, items in splits.items()} == {"train": 42, "val": 9, "test": 9}
    assert [item for item in splits["val"] if item["label"] == 2] == [
        {"file": f"red/{number}.png", "label": 2} for number in (14, 15, 16)
    ]


def test_a_split_that_is_there_is_left_alone(squares):
    before = (squares / "splits.json").read_bytes()
    done = run("split.py", str(squares))
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (squares / "splits.json").read_bytes() == before


def test_training_learns_the_colours_and_gives_the_same_bits_again(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    trained = network()
    values = list(module.train(trained, seed=0, epochs=40))
    assert len(values) == 40
    assert values[-1] >= 0.9 > values[0]
    assert module.recognised(trained, "test") >= 0.9
    again = network()
    assert list(module.train(again, seed=0, epochs=40)) == values
    weights = zip(trained.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(one.equal(other) for one, other in weights)


def test_another_seed_trains_otherwise(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    one, other = network(), network()
    list(module.train(one, seed=0, epochs=1))
    list(module.train(other, seed=1, epochs=1))
    assert not one.state_dict()["head.fc.linear.weight"].equal(other.state_dict()["head.fc.linear.weight"])


def test_every_epoch_is_reported_and_the_last_is_the_value(squares, monkeypatch):
    function, module = objective(squares, monkeypatch)
    trial = judged_by(optuna.pruners.NopPruner(), function)
    assert sorted(trial.intermediate_values) == list(range(1, module.EPOCHS + 1))
    assert trial.value == trial.intermediate_values[module.EPOCHS]


def test_a_candidate_is_pruned_when_the_study_says_so_and_not_before_it_can_know(squares, monkeypatch):
    function, module = objective(squares, monkeypatch)
    trial = judged_by(optuna.pruners.ThresholdPruner(lower=2.0), function)  # of a share: always
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert max(trial.intermediate_values) == module.SURE_AFTER


def test_no_image_is_mirrored(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    half = module.torch.zeros(200, 3, 16, 16)
    half[..., :8] = 255  # light on the left
    light = module.varied(half, module.torch.Generator().manual_seed(0))
    assert (light[..., :4].mean((1, 2, 3)) > light[..., -4:].mean((1, 2, 3))).all()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "nowhere",
            "no photographs: nowhere/splits.json: No such file or directory; name their folder in IMAGE_FOLDER",
        ),
        ("", "no photographs: IMAGE_FOLDER names no folder; examples/sign_digits/README.md says where to get them"),
    ],
)
def test_a_comparison_without_photographs_ends_in_one_line(named, said, monkeypatch):
    monkeypatch.setenv("IMAGE_FOLDER", named)
    done = run("compare.py", "out/sign_digits/result.json")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"compare.py: {said}")


def test_a_comparison_without_a_search_ends_in_one_line(squares):
    done = run("compare.py", "nowhere/result.json", folder=squares)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("compare.py: ")
    assert "nowhere/result.json" in line


def test_the_example_names_nothing_outside_the_repository():
    for path in sorted(EXAMPLE.iterdir()):
        if path.suffix in (".py", ".md", ".arch"):
            assert not re.search(r"parents\[[3-9]|shared/|\"shared\"", path.read_text(encoding="utf-8")), path.name


def test_a_search_without_photographs_ends_before_its_first_candidate(tmp_path):
    command = [sys.executable, "-m", "archlab", "search", str(EXAMPLE / "space.arch"), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IMAGE_FOLDER": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [*command, "-o", f"{EXAMPLE / 'train.py'}:accuracy"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 2
    assert f"no photographs: {tmp_path / 'nowhere' / 'splits.json'}: No such file or directory" in done.stderr
    assert "hint: name their folder in IMAGE_FOLDER" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "does not say which photographs are for what"),
        ("{", "does not say which photographs are for what"),
        ('{"train": [], "val": [], "test": []}', "the split train is empty"),
        ('{"train": [{"file": "a.png", "label": 0}], "val": [], "test": []}', r"names .*a\.png, which is not there"),
    ],
)
def test_broken_splits_are_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "splits.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        objective(tmp_path, monkeypatch)


def test_a_broken_image_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"no image")
    item = [{"file": "a.png", "label": 0}]
    (tmp_path / "splits.json").write_text(json.dumps({"train": item, "val": item, "test": item}), encoding="utf-8")
    _, module = objective(tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
        next(module.train(network(), seed=0))


def test_a_network_with_too_few_outputs_is_refused(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    small = archlab.build(archlab.elaborate(archlab.parse(SPACE.replace("fc(3)", "fc(2)"))).graph)
    with pytest.raises(InputError, match=r"the network has 2 outputs, but .* has 3 classes"):
        next(module.train(small, seed=0))


@pytest.mark.slow
def test_a_search_and_its_comparison_from_end_to_end(squares, monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGE_FOLDER", str(squares))
    found = archlab.search(
        archlab.parse(SPACE),
        budget=["macs=60k"],
        objective=f"{EXAMPLE / 'train.py'}:accuracy",
        trials=3,
        out=tmp_path,
        latency=False,
    )
    assert found.counts()["scored"] == 3
    arguments = (str(tmp_path / "result.json"), "--top", "1", "--seeds", "2", "--epochs", "1")
    done = run("compare.py", *arguments, folder=squares)
    assert done.returncode == 0, done.stderr
    names = [line.split("|")[1].strip() for line in done.stdout.splitlines()[2:]]
    assert names[0] == found.finalists[0].name
    assert [name.split(" x ")[0] for name in names[1:]] == ["mobilenet_v1", "mobilenet_v2"]
    record = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert len(record["trainings"]) == 6
    assert all(t["macs"] >= record["trainings"][0]["macs"] for t in record["trainings"] if "mobile" in t["network"])
    again = run("compare.py", *arguments, folder=squares)
    assert again.stdout == done.stdout, "nothing is trained twice: not even the seconds differ"


def test_a_candidate_is_trained_on_the_excerpt_of_the_photographs(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGE_FOLDER", str(EXCERPT))
    splits = json.loads((EXCERPT / "splits.json").read_text(encoding="utf-8"))
    assert [entry["label"] for entry in splits["train"]] == list(range(10))
    space = tmp_path / "space.arch"
    space.write_text("net t(input=3x24x24)\nstem: conv({8, 16}, 3, s=2)\nhead: gap -> fc(10)\n")
    found = archlab.search(
        str(space), objective=f"{EXAMPLE / 'train.py'}:accuracy", trials=2, out=tmp_path / "out", latency=False
    )
    values = [value for trial in found.trials for value in trial.values.values()]
    assert len(values) == 2
    assert [value * 10 for value in values] == pytest.approx([round(value * 10) for value in values], abs=1e-4)


@pytest.mark.slow
def test_two_candidates_learn_from_the_photographs(monkeypatch, tmp_path):
    if not (PHOTOGRAPHS / "splits.json").exists():
        pytest.skip(f"not all photographs are in {PHOTOGRAPHS}: examples/sign_digits/README.md says where to get them")
    monkeypatch.setenv("IMAGE_FOLDER", str(PHOTOGRAPHS))
    found = archlab.search(
        str(EXAMPLE / "space.arch"),
        budget=["macs=300k"],
        objective=f"{EXAMPLE / 'train.py'}:accuracy",
        trials=2,
        out=tmp_path,
        latency=False,
    )
    values = [value for trial in found.trials for value in trial.values.values()]
    assert len(values) == 2
    assert max(values) > 0.4, "a guess is right in a tenth"


def test_the_figures_on_the_page_are_the_recorded_ones(squares, monkeypatch):
    monkeypatch.setenv("IMAGE_FOLDER", str(squares))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    compare = importlib.import_module("compare")
    record = json.loads((EXAMPLE / "comparison.json").read_text(encoding="utf-8"))
    trainings = [compare.Training(**fields) for fields in record["trainings"]]
    assert all(len({t.seed for t in group}) >= 3 for group in compare.by_network(trainings))
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert compare.table(trainings) in text
    assert record["search"]["command"] in " ".join(text.replace("\\\n", " ").split())
    chosen = archlab.elaborate(archlab.load(str(EXAMPLE / "best.arch")))
    assert chosen.digest == trainings[0].digest
    assert archlab.parse_budget(["macs=1.2M", "params=40k"]).allows(archlab.cost(chosen).as_dict())
