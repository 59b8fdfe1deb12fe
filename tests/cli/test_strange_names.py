"""Names that a terminal would act upon: of files, models, layers, studies and objectives, under each command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.search.result import to_json
from tests.report import results

RED = "\x1b[31m\x9b2J\u202e[bold]x"
SHOWN = "\ufffd[31m\ufffd2J\ufffd[bold]x"
TINY = "net tiny(input=3x16x16)\nstem: conv({4, 8}, 3, s=2)\nhead: gap -> fc(10)\n"
CODE = f"""\
from torch import nn

RED = {RED!r}

def layers():
    made = nn.Module()
    made.add_module(RED, nn.Linear(2, 2))
    made.forward = lambda x: getattr(made, RED)(x)
    return made

def unbuildable():
    raise ValueError(RED)

def value(module, candidate, trial):
    raise ValueError(RED)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / f"{RED}.arch").write_text(TINY, encoding="utf-8")
    (tmp_path / f"{RED}.py").write_text(CODE, encoding="utf-8")
    (tmp_path / f"{RED}.json").write_text(to_json(results.search(6, 1)), encoding="utf-8")
    (tmp_path / f"{RED}.txt").write_text("ds_r1_k3_s1_c16\n", encoding="utf-8")
    rows = "".join(f"{4 + 4 * (i % 2)},{i % 2 + i / 100}\n" for i in range(12))
    (tmp_path / f"{RED}.csv").write_text(f"stem.conv.c,value\n{rows}", encoding="utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    """Return what a command prints on both streams, which is to be printable."""
    assert run(cli, args) == code
    out, err = capsys.readouterr()
    assert [c for c in out + err if not c.isprintable() and c not in "\n\t"] == []
    return out + err


def test_files_that_are_not_there_or_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "a").mkdir()
    for args in (
        ["show", f"./{RED}"],
        ["show", f"{RED}.json"],
        ["audit", f"{RED}.pt2"],
        ["audit", f"{RED}:small"],
        ["audit", "mobilenet_v1", "--input", f"a{RED}.json"],
        ["audit", "mobilenet_v1", "--max", f"{RED}=1"],
        ["audit", f"{RED}.arch", "--csv", f"{RED}/x.csv"],
        ["report", f"a{RED}.json"],
        ["report", f"{RED}.arch"],
        ["import", "--timm-arch", f"{RED}.arch"],
        ["export", f"{RED}.arch", "--to", "arch", "--out", f"{RED}/x"],
        ["export", f"{RED}.arch", "--to", RED],
        ["rewrite", f"{RED}.arch", "--rule", "separable", "--where", RED],
        ["calibrate", f"{RED}.arch", "--from", f"{RED}.txt", "--out", f"{RED}.c.json"],
        ["search", f"{RED}.arch", "-o", f"a{RED}.json"],
        ["search", f"{RED}.arch", "-o", f"{RED}.py:nothing"],
        ["search", "detection", "--data", f"a{RED}.json"],
        ["search", "detection", "--data", f"{RED}.json"],
        ["show", f"{RED}.arch", "--set", f"{RED}={RED}"],
        ["show", f"--{RED}"],
        [RED],
    ):
        assert said(capsys, *args, code=2), args


def test_a_model_and_its_layers(folder: Path, capsys: pytest.CaptureFixture[str]):
    for more in ([], ["--by", "op"], ["--by", "stage"], ["--fvcore"], ["--html", f"{RED}.html"]):
        assert SHOWN in said(capsys, "audit", f"{RED}.py:layers", "--input", "2", *more)
    for more in (["--compare"], []):
        assert SHOWN in said(capsys, "audit", f"{RED}.py:layers", f"{RED}.py:layers", "--input", "2", *more)
    assert SHOWN in said(capsys, "audit", f"{RED}.py:layers", "--input", "2", "--max", "macs=1", code=1)
    assert SHOWN in said(capsys, "audit", f"{RED}.py:unbuildable", "mobilenet_v1", "--input", "3x64x64", code=1)
    told = said(capsys, "audit", f"{RED}.py:layers", "--input", "2", "--json")
    assert json.loads(told)["audits"][0]["name"] == f"{RED}.py:layers"


def test_files_that_are_written(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert said(capsys, "report", f"{RED}.json", "--out", f"{RED}.html") == f"{SHOWN}.html\n"
    assert said(capsys, "export", f"{RED}.arch", "--to", "arch", "--out", f"{RED}.2") == f"{SHOWN}.2\n"
    assert said(capsys, "import", "--timm-arch", f"{RED}.txt", "--out", f"{RED}.3") == f"{SHOWN}.3\n"
    assert said(capsys, "rewrite", "vgg16_5x5", "--rule", "factorise5x5", "--out", f"{RED}.4").endswith(f"{SHOWN}.4\n")
    told = said(capsys, "calibrate", f"{RED}.arch", "--from", f"{RED}.csv", "--out", f"{RED}.c.json")
    assert told.startswith(f"{SHOWN}.c.json: 12 networks")
    assert (folder / f"{RED}.c.json").exists(), "the file itself has the name that was asked for"


def test_a_search_its_objective_and_its_study(folder: Path, capsys: pytest.CaptureFixture[str]):
    common = [f"{RED}.arch", "-n", "2", "--no-latency", "--study", RED, "--out", RED + "out"]
    told = said(capsys, "search", *common, "-o", f"{RED}.py:value")
    assert f"{SHOWN}.py:value: ValueError: {SHOWN}" in told
    assert f"report   {SHOWN}out/report.html" in told
    told = said(capsys, "search", *common[:-1], "other", "-o", "macs", "--json")
    assert json.loads(told)["command"]
    said(capsys, "worker", "--study", RED, "--storage", "other/study.journal")
    said(capsys, "worker", "--study", f"no {RED}", "--storage", "other/study.journal", code=2)
