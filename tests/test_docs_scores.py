"""The page on scores and the table of scores say the same."""

from __future__ import annotations

import re
from pathlib import Path

from archlab.score import SCORES

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "scores.md").read_text(encoding="utf-8")


def test_the_page_lists_every_score_with_its_batch_and_paper():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name: int(images) for name, _, images in rows} == {s.name: s.batch_size for s in SCORES.values()}
    for name, source, _ in rows:
        paper = re.search(r"arXiv:[\d.]+", SCORES[name].source)
        assert paper is None or paper[0] in source
