from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.waiting import Gate

ROOT = Path(__file__).resolve().parents[2]

TINY = """\
net tiny(input=3x16x16)
stem: conv({4, 8}, 3, s=2)
body: repeat([1..3], {conv({8, 16}), separable({8, 16}, k={3, 5})})
head: gap -> fc(10)
"""


@pytest.fixture
def tiny_file(tmp_path):
    """A space of 36 networks at 16x16, as a file."""
    path = tmp_path / "tiny.arch"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def gate(tmp_path):
    """Where an objective of ``objective_file`` waits that says ``gate.enter(...)``."""
    return Gate(tmp_path)


@pytest.fixture
def objective_file(tmp_path):
    """Writes a user's objective and returns its ``file.py:function`` name.

    Every call leaves a line in ``calls.txt`` beside it, so that a test sees what was really evaluated.
    """

    def write(body: str) -> str:
        path = tmp_path / "mine.py"
        head = f"""\
        import math, os, pathlib, sys
        import optuna

        sys.path.insert(0, {str(ROOT)!r})
        from tests.waiting import Gate

        gate = Gate(pathlib.Path({str(tmp_path)!r}))
        CALLS = pathlib.Path({str(tmp_path / "calls.txt")!r})

        def value(module, candidate, trial):
            with CALLS.open("a") as file:
                file.write(f"{{candidate.number}} {{candidate.graph.digest}}\\n")
        """
        path.write_text(textwrap.dedent(head) + textwrap.indent(textwrap.dedent(body), "    "), encoding="utf-8")
        return f"{path}:value"

    return write


@pytest.fixture
def calls(tmp_path):
    """The digests that the user's objective was called with, in order."""

    def read() -> list[str]:
        path = tmp_path / "calls.txt"
        return [line.split()[1] for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    return read
