"""``archlab audit`` as a user meets it: targets, inputs, tables, limits, files, failures."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from archlab.audit.config import read_config
from archlab.cli.main import cli
from archlab.errors import ArchlabError, InputError
from tests.waiting import DEADLINE

DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"

MODELS = """
import torch
from torch import nn

print("loading")

def small(width=8, act="relu"):
    print("building")
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))

def broken():
    raise RuntimeError("no <b>such</b> thing")

def leaves():
    raise SystemExit(3)

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 4, bias=False)
    def forward(self, ids, *, x):
        return {"y": self.a(x["x"][0]), "n": int(ids.sum())}

class Looks(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 4, bias=False)
    def forward(self, x):
        y = self.a(x)
        return y if y.sum() > 1e9 else self.a(x + 1)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "models.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args):
    """The command in this process: what it printed, on which stream, and how it ended."""
    result = CliRunner().invoke(cli, ["audit", *args])
    if result.exception is not None and not isinstance(result.exception, SystemExit | ArchlabError):
        raise result.exception
    return result


def test_a_file_with_arguments_as_json(folder):
    done = run("models.py:small(width=16)", "--input", "3x8x8", "--batch", "2", "--json")
    data = json.loads(done.stdout)
    (audit,) = data["audits"]
    assert data["schema"] == "archlab.audit/1"
    assert audit["macs"] == 2 * (36 * 16 * 27 + 576 * 10)
    assert audit["params"] == 16 * 27 + 16 + 576 * 10 + 10
    assert audit["inputs"][0]["shape"] == [2, 3, 8, 8]
    assert sum(o["macs"] for o in audit["operators"]) == audit["macs"]
    assert "building" in done.stderr


def test_inputs_from_a_file(folder):
    spec = {"args": [{"shape": ["N", 5], "dtype": "int64", "high": 9}], "kwargs": {"x": {"x": [{"shape": ["N", 8]}]}}}
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    (audit,) = json.loads(run("models.py:Both()", "--input", "spec.json", "--batch", "3", "--json").stdout)["audits"]
    assert audit["macs"] == 3 * 8 * 4
    # The forward sums the identifiers up in Python: small tensors of the caller's keep their values.
    assert (audit["device"], audit["reason"]) == ("meta", None)


def test_a_model_that_looks_at_values_is_built_again_for_real(folder):
    (audit,) = json.loads(run("models.py:Looks", "--input", "8", "--json").stdout)["audits"]
    assert (audit["device"], audit["macs"]) == ("real", 64)


def test_one_that_fails_does_not_stop_the_rest(folder):
    done = run("models.py:broken", "models.py:leaves", "models.py:small", "nonsense", "--input", "3x8x8", "--json")
    data = json.loads(done.stdout)
    assert [a["name"] for a in data["audits"]] == ["models.py:small"]
    reasons = {f["name"]: f["reason"] for f in data["failures"]}
    assert "no <b>such</b> thing" in reasons["models.py:broken"]
    assert "SystemExit" in reasons["models.py:leaves"]
    assert "names no model" in reasons["nonsense"]
    assert done.exit_code == 1


def test_limits_are_a_gate(folder):
    done = run("models.py:small", "--input", "3x8x8", "--max", "macs=1k", "--max", "params=1G", "--max", "memory=1kB")
    assert done.exit_code == 1
    lines = [line for line in done.stderr.splitlines() if "over the limit" in line]
    assert len(lines) == 2
    assert re.fullmatch(r"archlab: over the limit: models.py:small: macs 10.66 k > 1.000 k \(\+965.6 %\)", lines[0])
    assert run("models.py:small", "--input", "3x8x8", "--max", "macs=1G").exit_code == 0


def test_pyproject_holds_targets_and_limits(folder):
    (folder / "pyproject.toml").write_text(
        '[tool.archlab.audit]\ntargets = ["models.py:small"]\ninput = "3x8x8"\nmax = "macs=1k"\n', encoding="utf-8"
    )
    assert run().exit_code == 1
    assert run("models.py:small(width=4)", "--input", "3x8x8").exit_code == 0, "its limits are of its own targets"
    assert "inputs are not known" in run("models.py:small").stderr
    (folder / "pyproject.toml").write_text('[tool.archlab.audit]\nmaxx = "macs=1k"\n', encoding="utf-8")
    with pytest.raises(InputError, match="unknown key 'maxx'"):
        read_config(folder)


def test_times_stand_beside_the_counts(folder):
    done = run("models.py:small", "--input", "3x8x8", "--latency", "--csv", "out.csv")
    assert re.search(r"time  [0-9.]+ ms on this machine, the median of [0-9]+ warm runs in evaluation on", done.stdout)
    assert any({"own", "time", "params"} <= {*line.split()} for line in done.stdout.splitlines())
    with (folder / "out.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["level"] != "operator"]
    assert all(float(row["latency"]) >= float(row["own_latency"]) > 0 for row in rows)


def test_csv_has_every_module_and_operator_and_no_formulas(folder):
    (folder / "odd.py").write_text(
        "from torch import nn\ndef make():\n    m = nn.Module()\n    m.add_module('=1+1', nn.Linear(2, 2))\n"
        "    m.forward = lambda x: getattr(m, '=1+1')(x)\n    return m\n",
        encoding="utf-8",
    )
    run("odd.py:make", "--input", "2", "--csv", "out.csv")
    with (folder / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["level"] for row in rows] == ["model", "module", "operator"]
    assert rows[1]["name"] == "'=1+1"
    assert rows[0]["macs"] == rows[2]["macs"] == "4"


@pytest.mark.parametrize("by", ["module", "op", "stage"])
def test_every_table(by):
    done = run("mobilenet_v1", "--by", by)
    assert done.exit_code == 0
    assert "params 4,231,976  MACs 568,740,352" in done.stdout
    assert "every operator is counted" in done.stdout


def test_comparison_has_ratios():
    done = run("mobilenet_v1", "resnet50", "--compare")
    assert "7.190" in done.stdout  # 4,089,184,256 / 568,740,352


def test_an_exported_program(folder):
    import torch

    program = torch.export.export(torch.nn.Linear(4, 3, bias=False), (torch.ones(2, 4),))
    torch.export.save(program, "linear.pt2")
    (audit,) = json.loads(run("linear.pt2", "--json").stdout)["audits"]
    assert (audit["params"], audit["macs"]) == (12, 24)


def test_every_field_of_the_json_is_documented(folder):
    text = DOCS.read_text(encoding="utf-8")
    data = json.loads(run("models.py:small", "--input", "3x8x8", "--json").stdout)
    (audit,) = data["audits"]
    keys = {*data, *audit, *audit["modules"][0], *audit["operators"][0], *audit["peak"]}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_the_command_as_a_process_says_what_is_wrong_without_a_traceback(tmp_path):
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    for args, code in ((["torchvision:resnet5"], 2), (["mobilenet_v1", "--max", "latency=1ms"], 2), ([], 2)):
        done = subprocess.run(
            [sys.executable, "-m", "archlab", "audit", *args],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            timeout=DEADLINE,
            env=environment,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert done.stderr.startswith("archlab: ")
        assert "Traceback" not in done.stderr


def test_an_exported_program_that_could_run_code_needs_trust(folder):
    import torch

    program = torch.export.export(torch.nn.Linear(4, 3, bias=False), (torch.ones(2, 4),))
    torch.export.save(program, "linear.pt2")
    with zipfile.ZipFile("linear.pt2") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile("packed.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    refused = run("packed.pt2")
    assert refused.exit_code == 2 or isinstance(refused.exception, InputError)
    assert "audit it with --trust" in str(refused.exception)
    (audit,) = json.loads(run("packed.pt2", "--trust", "--json").stdout)["audits"]
    assert (audit["params"], audit["macs"]) == (12, 24)
    both = run("packed.pt2", "linear.pt2", "--json")
    assert [failure["name"] for failure in json.loads(both.stdout)["failures"]] == ["packed.pt2"]
    help_text = " ".join(run("--help").stdout.split())
    assert "A .pt2 can run code too when it is read" in help_text
