"""The benchmarks run and print what they say they do; how fast they are is not for a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ten_thousand
from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def test_the_cost_benchmark_prints_its_median_ratio():
    command = [sys.executable, "-m", "benchmarks.cost", "--candidates", "3", "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=DEADLINE)
    assert done.returncode in (0, 1), done.stderr  # 1 where this machine is too slow or too busy for the limits
    result = json.loads(done.stdout)
    assert result["median_ratio"] > 0
    assert result["cold"]["median_ratio"] > 0
    assert result["every_count_equal"]
    assert result["candidates"] == 3
    assert set(result["candidates_per_second"]) == {"cold", "warm", "draws"}


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_result_says_on_what_it_was_measured(path):
    result = json.loads(path.read_text(encoding="utf-8"))
    assert set(result["machine"]) == {"cpu", "cores", "system"}
    assert {"python", "torch"} <= set(result["versions"])


def test_the_recorded_memory_is_within_its_bounds_and_names_the_instruction_sets():
    result = json.loads((RESULTS / "memory.json").read_text(encoding="utf-8"))
    assert len(result["networks"]) >= 5
    assert result["instruction_sets"].keys() == {"torch", "onednn_limit", "processor"}
    for row in result["networks"]:
        assert row["values"] == row["closed_form"] <= row["peak"] <= row["bound"]
        assert row["peak_default_layout"] <= row["bound_default_layout"]


def test_a_long_search_is_measured_every_so_many_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(ten_thousand, "STEP", 3)
    rows = []
    ten_thousand.search_in(tmp_path, None, "random", 8, rows.append)
    assert [row["trials"] for row in rows] == [1, 3, 6, 8]
    assert all(row["resident_mb"] > 0 for row in rows)
    assert [row["size_mb"] for row in rows] == sorted(row["size_mb"] for row in rows)
    assert rows[-1]["drawn"] >= 8
