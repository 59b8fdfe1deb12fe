"""What a log of a search, of a worker and of a training says: trials, best and time left; step and loss."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from archlab.cli import progress as module
from archlab.cli.main import cli
from archlab.units import format_percent
from tests.cli.command_line import TINY
from tests.train.drawn import folders

ALL = re.escape(format_percent(1, 0))
BEGUN = re.compile(rf"tiny: \d of 4 trials, {ALL} within budget, best params \d+, .+ left")
DONE = rf"tiny: 4 of 4 trials, {ALL} within budget, best params \d+"


@pytest.fixture
def said(monkeypatch):
    """All that a line of a log could have said, in order."""
    lines: list[str] = []

    class Log:
        def __init__(self, _stream: object, doing: str, *_seconds: float) -> None:
            lines.append(doing)
            self.say = lines.append

        def end(self) -> None:
            pass

    monkeypatch.setattr(module, "_Log", Log)
    return lines


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    return tmp_path


def archlab(*words: object):
    return CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)


def test_a_search_says_trials_feasible_share_best_and_time_left(here, said):
    search = ("search", "tiny.arch", "-o", "params", "-n", 4, "--no-latency", "--top", 1)
    done = archlab(*search)
    assert (done.exit_code, done.stderr) == (0, "")
    assert said[:2] == ["loading torch and optuna", "searching tiny"]
    assert sum(BEGUN.fullmatch(line) is not None for line in said) == 3
    assert sum(re.fullmatch(DONE, line) is not None for line in said) == 1
    assert sum(re.fullmatch(f"{DONE}, recounting 1/1", line) is not None for line in said) == 1
    said.clear()
    worker = archlab("worker", "--study", "tiny", "--storage", "out/tiny/study.journal")
    assert (worker.exit_code, worker.stdout) == (0, "4 evaluations done\n")
    assert said[:2] == ["loading torch and optuna", "joining tiny"]
    said.clear()
    quiet = archlab(*search, "--quiet")
    assert (quiet.stdout, quiet.stderr, said) == (done.stdout, "", [])


def test_a_training_says_its_step_and_loss(here, said):
    folders(here / "data", 10)
    train = ("train", "tiny.arch", "--data", "data", "--input", "3x8x8", "--steps", 3, "--batch", 8, "--device", "cpu")
    done = archlab(*train)
    assert done.exit_code == 0
    steps = [line for line in said if line.startswith("training")]
    line = r"training: step {} of 3, loss \d\.\d{{3}}, .+ of held-out images, .+ left"
    assert len(steps) == 3
    assert all(re.fullmatch(line.format(step), said) for step, said in enumerate(steps, start=1))
    assert done.stderr.count("archlab: epoch") == 2
    said.clear()
    quiet = archlab(*train, "--out", "again", "-q")
    assert (quiet.exit_code, quiet.stderr, said) == (0, "", [])
    assert quiet.stdout.splitlines()[:2] == done.stdout.splitlines()[:2]
