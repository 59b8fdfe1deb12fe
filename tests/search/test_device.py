"""Scores and trainings run where ``--device`` says: on a device that is none, nothing meets the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from archlab.detect.scores import DETECTION
from archlab.score import SCORES
from tests.waiting import DEADLINE


@pytest.mark.slow
def test_everything_that_a_search_runs_stays_on_its_device(tmp_path):
    pytest.importorskip("pycocotools")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.search.on_pretended_device", str(tmp_path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["cpu"]) > {*DETECTION, "train"} | {name for name, row in SCORES.items() if not row.is_baseline}
    assert found["device"] == pytest.approx(found["cpu"], rel=1e-4)
    assert found["made"] > 10_000
