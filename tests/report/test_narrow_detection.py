"""On a telephone the columns that finalists of a search for detectors are ranked by are in sight."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archlab.report.search_page import write_report
from tests.report import detectors
from tests.report.watched import overflow, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest.importorskip("PIL", reason="needs Pillow")

IN_SIGHT = """box => {
    const edge = box.getBoundingClientRect().right;
    const heads = [...box.querySelectorAll("thead th")];
    return heads.filter(head => head.getBoundingClientRect().right <= edge).map(head => head.innerText);
}"""


def test_ranking_columns_are_in_sight_at_390_pixels(browser: Browser, tmp_path: Path):
    result = detectors.search()
    # A name as long as those of the shipped space.
    named = [dataclasses.replace(f, name=f"detection_{i}7") for i, f in enumerate(result.finalists)]
    write_report(dataclasses.replace(result, finalists=tuple(named)), tmp_path / "report.html")
    with watched(browser, tmp_path / "report.html", 390) as page:
        assert overflow(page) == 0
        seen = {
            label: page.get_by_label(label, exact=True).first.evaluate(IN_SIGHT)
            for label in (
                "Table of the pick beside the runner-up and baselines",
                "Table of the best candidates",
                "Parts of the score by finalist",
                "Average precision by finalist",
            )
        }
    pick, best, parts, ap = seen.values()
    assert pick == ["Network", "What it is", "train", "detection"]
    assert best[:5] == ["Rank", "Network", "Trial", "train", "detection"]
    assert parts == ["Finalist", "score", "loss", "class accuracy"]
    assert ap[:5] == ["Finalist", "AP", "AP50", "AP75", "small"]
