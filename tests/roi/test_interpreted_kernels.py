"""The Triton kernels without a GPU: interpreted, against the reference, forward and backward."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import DEADLINE

pytest.importorskip("triton", reason="Triton has no wheel for this platform")

HERE = Path(__file__).resolve().parent


@pytest.mark.slow
def test_interpreted_kernels_equal_the_cpu() -> None:
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(HERE / "interpreted_kernels.py")],
        env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "equal"
