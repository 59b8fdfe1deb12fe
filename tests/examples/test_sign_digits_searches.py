"""Searches with the example, and its comparison: on squares, on an excerpt, and on the photographs where they are."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys

import pytest

import archlab
from tests.examples.sign_digits import EXAMPLE, EXCERPT, PHOTOGRAPHS, ROOT, SPACE, run
from tests.waiting import DEADLINE


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


def test_the_example_names_nothing_outside_the_repository():
    for path in sorted(EXAMPLE.iterdir()):
        if path.suffix in (".py", ".md", ".arch"):
            assert not re.search(r"parents\[[3-9]|shared/|\"shared\"", path.read_text(encoding="utf-8")), path.name
