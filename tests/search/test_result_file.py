"""A search's result as a file: read back equal, read where it is older, refused where it is broken."""

from __future__ import annotations

import json

import pytest

from archlab.errors import InputError
from archlab.search.result import read_result
from tests.search.small_search import run


def test_a_result_reads_back_equal(tmp_path):
    result = run(tmp_path, trials=13)
    assert read_result(tmp_path / "out" / "result.json") == result
    assert {change.hole for change in result.neighbours[0].changes} >= {"stem.conv.c", "body.depth"}


def test_a_result_of_an_earlier_version_is_read_without_its_shares_of_variance(tmp_path):
    result = run(tmp_path, trials=5)
    path = tmp_path / "out" / "result.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    for new in ("baselines", "neighbours", "shares"):
        del data[new]
    for finalist in data["finalists"]:
        del finalist["variants"]
    path.write_text(json.dumps({**data, "importance": {"params": {"body.depth": 9.0}}}), encoding="utf-8")
    read = read_result(path)
    assert read.trials == result.trials
    assert (read.baselines, read.neighbours, read.shares) == ((), (), {})


@pytest.mark.parametrize(
    "break_it",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace('"archlab.search/1"', '"archlab.search/0"'),
        lambda text: text.replace('"seed": 0', '"seed": "zero"'),
        lambda text: text.replace('"state": "scored"', '"state": "great"'),
        lambda text: text.replace('"trials"', '"trails"'),
        lambda text: "[" * 100_000,
        lambda text: "null",
    ],
)
def test_a_broken_result_file_is_refused_in_one_line_with_the_way_out(tmp_path, break_it):
    run(tmp_path, trials=2)
    path = tmp_path / "out" / "result.json"
    path.write_text(break_it(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_result(path)
    assert "\n" not in refused.value.message
    assert "resumes its study" in (refused.value.hint or "")
