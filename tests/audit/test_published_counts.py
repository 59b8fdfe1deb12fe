"""A few of timm's models against the counts that timm publishes; the whole list is `python -m benchmarks.zoo`'s."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.zoo import Published, judge

EXCERPT = Path(__file__).parents[1] / "data" / "timm_counts.csv"
ROWS = list(csv.DictReader(EXCERPT.read_text(encoding="utf-8").splitlines()))


def test_there_is_an_excerpt():
    assert len(ROWS) == 4


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_a_model_of_timm_is_as_published(row: dict[str, str]):
    pytest.importorskip("timm")
    published = Published(row["model"], int(row["img_size"]), float(row["gmacs"]), float(row["mparams"]))
    assert judge(published).state in ("built", "deployed")
    wrong = Published(row["model"], int(row["img_size"]), float(row["gmacs"]) * 1.1, float(row["mparams"]))
    assert judge(wrong).state not in ("built", "deployed")
