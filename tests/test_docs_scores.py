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


COLUMNS = ("kendall", "spearman", "kendall_equal_macs", "spearman_equal_macs")


def wrong_rows(page, recorded, scores):
    """The scores whose row of the page is missing, or is not what was recorded.

    A score that nobody has measured yet, since that needs the table of trained networks, says "not measured".
    """
    shown = re.findall(r"^\| \**`?([a-z_ ]+)`?\** \|((?: \−?\.\d\d \|){4})", page, re.MULTILINE)
    rows = {name: [float(cell.replace("−", "-")) for cell in cells.split("|")[:-1]] for name, cells in shown}
    wrong = []
    for name in scores:
        if name not in recorded:
            said = re.search(rf"^\| `{name}` \| not measured \|", page, re.MULTILINE)
            wrong += [] if said else [name]
        elif rows.get(name) != pytest.approx([recorded[name][column][0] for column in COLUMNS], abs=0.0051):
            wrong.append(name)
    return wrong


def test_the_pages_correlations_are_the_recorded_ones():
    recorded = json.loads((ROOT / "benchmarks" / "results" / "scores.json").read_text(encoding="utf-8"))
    assert wrong_rows(PAGE, recorded["rows"], [*SCORES, "one training"]) == []
    assert all(row["networks"] >= 300 for row in recorded["rows"].values())


def test_a_score_without_a_record_is_listed_as_not_measured():
    recorded = {"old": {column: [0.5] for column in COLUMNS}}
    old = "| `old` | .50 | .50 | .50 | .50 | 3 | |\n"
    assert wrong_rows(old, recorded, ["old", "new"]) == ["new"]
    assert wrong_rows(old + "| `new` | not measured | | | | | |\n", recorded, ["old", "new"]) == []
    assert wrong_rows(old.replace(".50 | 3", ".60 | 3"), recorded, ["old"]) == ["old"]
    assert wrong_rows("| `old` | not measured | | | | | |\n", recorded, ["old"]) == ["old"]
