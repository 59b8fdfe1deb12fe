"""A user's files in a folder, and programs that run there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import archlab

ROOT = Path(archlab.__file__).parents[1]
SPACE = "net tiny(input=3x8x8)\nstem: conv([4..32 step 4], 3, s=2)\nhead: gap -> fc(2)\n"
OBJECTIVE = "def accuracy(module, candidate, trial):\n    return float(candidate.cost['params'])\n"


def package(folder: Path) -> None:
    (folder / "__init__.py").write_text("")


def run(folder: Path, *words: object, program=("-P", "-m", "archlab")) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *program, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
