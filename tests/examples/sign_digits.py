"""The example of sign digits: where it is, its scripts, and its objective as a search loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import optuna

import archlab
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


def run(script: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"IMAGE_FOLDER": str(folder)} if folder else {})
    command = [sys.executable, "-W", "ignore", str(EXAMPLE / script), *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE
    )


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
