"""What the terminal shows of a search."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rich.console import Console

from archlab.report.search_page import render_report
from archlab.report.search_summary import file_lines, finalists_table, stages_table, trial_lines
from tests.report import results


def printed(console: Console, table: object) -> str:
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_best_stand_below_the_budgets():
    console = Console(width=160, no_color=True)
    title, _, head, *rest = printed(console, finalists_table(results.search())).splitlines()
    assert title.strip() == "best of mobile with macs ≤ 300.0 M, params ≤ 3.400 M"
    assert head.split()[:2] == ["network", "channels"]
    assert sum("mobile_" in line for line in rest) == 6


def test_a_relative_budget_says_of_what_it_is():
    result = dataclasses.replace(results.search(), relative_budgets={"macs": 0.5})
    assert "macs ≤ 300.0 M (0.5x), params ≤ 3.400 M" in finalists_table(result).title
    assert "; the budget is 0.5x of the default draw</span>" in render_report(result)


def test_each_stage_has_its_share_of_the_time():
    text = printed(Console(width=160, no_color=True), stages_table(results.staged()))
    (line,) = [line for line in text.splitlines() if "train.py:accuracy" in line]
    assert line.split() == ["2", "train.py:accuracy", "10", "8", "1", "1", "3", "54", "s", "90.0", "%"]


def test_trials_are_counted_and_the_first_failures_have_their_reason():
    first, *failures = trial_lines(results.without_scores())
    assert first == "8 trials: 0 scored, 8 failed"
    assert failures == [f"  trial {i} failed: CUDA out of memory" for i in range(3)]


def test_there_is_no_folder_of_finalists_without_any():
    assert file_lines(results.empty(), Path("out")) == ["report   out/report.html", "result   out/result.json"]
    assert file_lines(results.search(), Path("out"))[-1] == "networks out/finalists/"
