"""Reports of hundreds of finalists and of words without end: as large as a page can be, in steps that stay few."""

from __future__ import annotations

import dataclasses
import re

import pytest

from archlab.report import finalist_panels
from archlab.report.finalist_info import MOST_SHOWN, finalists
from archlab.report.finalist_panels import panels
from archlab.report.finalist_table import MAX_ROWS
from archlab.report.search_page import render_report
from archlab.search.result import SearchResult
from tests.report import results
from tests.steps import count_calls

LIMIT = 2_000_000
LONG = "y" * 10**6


def with_finalists(count: int, trials: int = 60) -> SearchResult:
    """A search with the same finalists again and again."""
    result = results.search(trials, finalists=10)
    repeated = [result.finalists[i % len(result.finalists)] for i in range(count)]
    return dataclasses.replace(result, finalists=tuple(repeated))


def test_four_hundred_finalists_make_a_page_below_two_megabytes_in_few_steps():
    result = with_finalists(400, trials=2000)
    page = ""

    def render():
        nonlocal page
        page = render_report(result)

    assert count_calls(render) < 12_000_000
    assert len(page.encode()) < LIMIT
    assert page.count('class="finalist"') == MOST_SHOWN
    assert f"The best {MOST_SHOWN} of 400 finalists are shown one by one" in page
    table = re.search(r'<section id="best".*?</section>', page, re.S)[0]
    assert table.count("<tr>") == 1 + MAX_ROWS
    assert table.count("<a href") == MOST_SHOWN, "a link leads to what the page has"


def test_more_finalists_than_are_shown_cost_a_row_each():
    few, many = (count_calls(lambda n=n: render_report(with_finalists(n))) for n in (MOST_SHOWN, MAX_ROWS))
    assert many - few < (MAX_ROWS - MOST_SHOWN) * 5_000


def test_as_many_finalists_as_a_table_has_rows_are_listed():
    page = render_report(with_finalists(MAX_ROWS + 1))
    assert f"The best {MAX_ROWS} of {MAX_ROWS + 1} finalists; the result file has all." in page


def test_a_few_finalists_are_all_shown_and_nothing_is_said_of_others():
    page = render_report(with_finalists(MOST_SHOWN))
    assert page.count('class="finalist"') == MOST_SHOWN
    assert "shown one by one" not in page


def test_drawings_end_at_the_first_that_has_no_room(monkeypatch):
    drawn = []
    draw = finalist_panels.draw
    monkeypatch.setattr(finalist_panels, "draw", lambda graph: drawn.append(graph) or draw(graph))
    infos = finalists(with_finalists(12))
    assert [panel.drawing for panel in panels(infos, 0)] == [None] * 12
    assert drawn == []
    room = 5 * max(len(draw(info.graph)) for info in infos)
    made = panels(infos, room)
    shown = [panel.drawing is not None for panel in made]
    assert shown == sorted(shown, reverse=True)
    assert 5 <= sum(shown) < 12
    assert len(drawn) == sum(shown) + 1
    assert all("to keep this file small" in panel.undrawn for panel in made[sum(shown) :])


@pytest.mark.parametrize("where", ["objective", "hole", "value", "network"])
def test_a_word_of_a_million_letters_is_cut(where):
    result = results.search(20)
    first = result.trials[0]
    match where:
        case "objective":
            objective = dataclasses.replace(result.objectives[0], name=LONG)
            trials = tuple(dataclasses.replace(t, values=dict.fromkeys([LONG], 1.0)) for t in result.trials)
            longer = dataclasses.replace(result, objectives=(objective,), trials=trials)
        case "hole":
            longer = dataclasses.replace(result, trials=(dataclasses.replace(first, draws={LONG: 1}),))
        case "value":
            longer = dataclasses.replace(result, trials=(dataclasses.replace(first, draws={"act": LONG}),))
        case _:
            longer = dataclasses.replace(result, finalists=(dataclasses.replace(result.finalists[0], name=LONG),))
    assert len(render_report(longer)) < len(render_report(result)) + 50_000
    assert "y" * 300 not in render_report(longer)


def test_long_names_that_begin_alike_stay_apart():
    result = results.search(20)
    names = [LONG + "1", LONG + "2"]
    objectives = tuple(dataclasses.replace(result.objectives[0], name=name) for name in names)
    trials = tuple(dataclasses.replace(t, values=dict.fromkeys(names, 1.0)) for t in result.trials)
    page = render_report(dataclasses.replace(result, objectives=objectives, trials=trials))
    assert len(set(re.findall(r'data-key="(objective:[^"]*)"', page))) == 2
