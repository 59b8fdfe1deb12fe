"""The page on scores and the table of scores say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from archlab.score import SCORES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "scores.md").read_text(encoding="utf-8")


def test_the_page_lists_every_score_with_its_batch_and_paper():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name: int(images) for name, _, images in rows} == {s.name: s.batch_size for s in SCORES.values()}
    for name, source, _ in rows:
        paper = re.search(r"arXiv:[\d.]+", SCORES[name].source)
        assert paper is None or paper[0] in source


def test_the_pages_correlations_are_the_recorded_ones():
    recorded = json.loads((ROOT / "benchmarks" / "results" / "scores.json").read_text(encoding="utf-8"))
    shown = re.findall(r"^\| \**`?([a-z_ ]+)`?\** \|((?: \−?\.\d\d \|){4})", PAGE, re.MULTILINE)
    rows = {name: [float(cell.replace("−", "-")) for cell in cells.split("|")[:-1]] for name, cells in shown}
    # A new score can be finished without the benchmark's data; its row is recorded later.
    measured = {*SCORES, "one training"} & {*recorded["rows"]}
    assert len(measured) >= 9
    assert measured <= {*rows}
    for name in measured:
        row = recorded["rows"][name]
        columns = ("kendall", "spearman", "kendall_equal_macs", "spearman_equal_macs")
        assert rows[name] == pytest.approx([row[column][0] for column in columns], abs=0.0051), name
    assert all(row["networks"] >= 300 for row in recorded["rows"].values())
