"""The page as text: size, policy, escaping, and the data that its scripts read."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archlab.report.escaping import csp_hash
from archlab.report.search_page import render_report, write_report
from tests.report import results

LIMIT = 2_000_000


def data_of(page: str) -> dict[str, object]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert match
    data: dict[str, object] = json.loads(match[1])
    return data


def test_two_thousand_trials_and_ten_finalists_stay_below_two_megabytes():
    page = render_report(results.search(2000, finalists=10))
    assert len(page.encode()) < LIMIT
    assert page.count('<div class="net">') == 10


def test_a_crowd_of_trials_and_finalists_stays_below_two_megabytes():
    assert len(render_report(results.crowd(7)).encode()) < LIMIT


def test_the_page_is_the_same_for_the_same_result():
    assert render_report(results.search(20)) == render_report(results.search(20))


def test_the_policy_names_every_script_and_style_of_the_page():
    page = render_report(results.search(10))
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    inline = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(inline) == 16
    assert all(csp_hash(text) in policy for text in inline)


@pytest.mark.parametrize("make", [results.empty, results.without_scores, results.several_objectives, results.hostile])
def test_no_attribute_loads_or_runs_anything(make):
    page = render_report(make())
    attributes = _Attributes()
    attributes.feed(page)
    assert not {tag for tag, _, _ in attributes.found} & {"img", "iframe", "object", "embed", "form", "base"}
    names = {name for _, name, _ in attributes.found}
    assert not {name for name in names if name.startswith("on") or name in ("src", "style", "action", "srcset")}
    assert all(value[0] in "#d" for _, name, value in attributes.found if name.endswith("href"))


class _Attributes(HTMLParser):
    """Every attribute of a page: (element, name, value)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, "", "")] + [(tag, name, value or "") for name, value in attrs]


def test_hostile_text_is_in_the_data_as_text():
    data = data_of(render_report(results.hostile()))
    assert results.HOSTILE in json.dumps(data["draws"])
    assert results.HOSTILE in json.dumps(data["note"])


def test_a_page_of_half_a_surrogate_pair_can_be_written(tmp_path: Path):
    write_report(results.hostile(), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (results.empty, "No trial was run."),
        (results.without_scores, "No candidate was scored, so there is none to show."),
        (results.without_scores, "<b>This search was interrupted</b>: stopped by Ctrl-C. The report shows"),
        (results.search, "channels, around finalist 1"),
        (results.hostile, "so there is no drawing."),
    ],
)
def test_what_is_missing_is_said(make, words: str):
    assert words in render_report(make())
