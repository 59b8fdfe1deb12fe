"""The table of finalists, on the page and in the terminal."""

from __future__ import annotations

import dataclasses
import re

from archlab.report.finalist_info import finalists
from archlab.report.finalist_panels import panels
from archlab.report.finalist_table import PageTable, page_table, terminal_columns
from archlab.report.objectives_and_costs import measures
from archlab.search.result import SearchResult
from tests.report import results


def words(cells: tuple[str, ...]) -> list[str]:
    return [re.sub(r"<[^>]+>", "", cell) for cell in cells]


def table_of(result: SearchResult, ranks: dict[int, int]) -> PageTable:
    return page_table(panels(finalists(result), room=0), measures(result), ranks)


def test_the_page_has_a_row_per_finalist_and_the_latency_with_its_range():
    result = results.search(20, finalists=2)
    table = table_of(result, {})
    assert words(table.heads) == [
        "Rank", "Network", "Trial", "channels", "MACs M", "Params M", "Activations M", "Peak memory MiB",
        "Latency median (four fifths of the runs)", "Recounted by fvcore", "File",
    ]  # fmt: skip
    first, second = (words(row) for row in table.rows)
    best = result.finalists[0]
    assert first[:3] == ["1", best.name, str(best.trial)]
    assert first[-3:] == ["13.3 ms (12.9–15.2)", "✓ equal", best.file]
    assert second[-3:-1] == ["–", "not recounted"]
    assert 'href="#finalist-1"' in table.rows[0][1]


def test_ranks_of_an_earlier_stage_are_a_column():
    result = results.search(20, finalists=2)
    table = table_of(result, {result.finalists[0].trial: 7})
    assert words(table.heads)[3] == "Rank in stage 1"
    assert [words(row)[3] for row in table.rows] == ["7", "–"]


def test_without_latencies_there_is_no_column_of_them():
    result = results.search(20, finalists=1)
    assert "Latency median (four fifths of the runs)" not in words(table_of(result, {}).heads)
    assert "latency" not in terminal_columns(result)


def test_names_are_text():
    heads = table_of(results.hostile(), {}).heads
    assert results.HOSTILE not in "".join(heads)
    assert "&lt;/script&gt;" in "".join(heads)


def test_the_terminal_has_the_same_finalists_and_says_where_fvcore_differs():
    result = results.search(20, finalists=3)
    first, second, third = result.finalists
    assert second.recount is not None
    wrong = dataclasses.replace(second, recount=dataclasses.replace(second.recount, equal=False), values={})
    columns = terminal_columns(dataclasses.replace(result, finalists=(first, wrong, third)))
    assert list(columns) == ["network", "channels", "MACs", "params", "activations", "memory", "latency", "fvcore"]
    assert columns["network"] == [f.name for f in (first, second, third)]
    assert columns["channels"] == [f"{first.values['channels']:.4f}", "–", f"{third.values['channels']:.4f}"]
    assert columns["fvcore"] == ["equal", "DIFFERENT", ""]
