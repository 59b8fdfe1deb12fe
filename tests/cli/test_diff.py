"""``archlab diff`` as a script meets it: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json

from tests.cli.test_commands import archlab
from tests.structure.test_compare import BASE

MODEL = """
import torch

def make():
    layers = [torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers), torch.ones(1, 3, 8, 8)

def broken():
    class Broken(torch.nn.Module):
        def forward(self, x):
            return torch.fft.fft(x).real
    return Broken(), torch.ones(1, 3, 8, 8)
"""


def test_texts(tmp_path):
    (tmp_path / "a.arch").write_text(BASE)
    (tmp_path / "b.arch").write_text(BASE.replace("repeat(3, b", "repeat(5, b"))
    done = archlab("diff", "a.arch", "b.arch", "--html", "diff.html", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "repeats 3 → 5" in done.stdout
    assert "<title>base → base" in (tmp_path / "diff.html").read_text()
    same = archlab("diff", "a.arch", "a.arch", "--json", cwd=tmp_path)
    assert same.returncode == 0
    data = json.loads(same.stdout)
    assert (data["schema"], data["equal"]) == ("archlab.diff/1", True)


def test_a_model_and_a_text(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "n.arch").write_text("net n(input=3x8x8)\na: conv(8, 3)\n")
    done = archlab("diff", "net.py:make", "n.arch", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "they compute the same" in done.stdout


def test_a_model_that_cannot_be_read_is_one_message(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "n.arch").write_text("net n(input=3x8x8)\na: conv(8, 3)\n")
    done = archlab("diff", "net.py:broken", "n.arch", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "net.py:broken has no graph of archlab's operators" in done.stderr
    assert "fft" in done.stderr


def test_names_that_are_none(tmp_path):
    done = archlab("diff", "resnet5O", "resnet50", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean" in done.stderr


def test_columns_of_the_totals_are_chosen(tmp_path):
    (tmp_path / "a.arch").write_text(BASE)
    done = archlab("diff", "a.arch", "a.arch", "--columns", "after", cwd=tmp_path)
    (head,) = [line.split() for line in done.stdout.splitlines() if "total" in line]
    assert head == ["total", "after"]
    wrong = archlab("diff", "a.arch", "a.arch", "--columns", "aftr", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no column 'aftr'" in wrong.stderr
    assert "after" in wrong.stderr
