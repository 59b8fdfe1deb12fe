"""The command line in a process of its own, and a small space to give to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
TINY = """\
net tiny(input=3x16x16)
stem: conv({4, 8}, 3, s=2)
body: repeat([1..3], {conv({8, 16}), separable({8, 16}, k={3, 5})})
head: gap -> fc(10)
"""

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "", "COLUMNS": "160"}


def archlab(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "archlab", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=cwd, timeout=DEADLINE, env=ENVIRONMENT, check=False
    )
