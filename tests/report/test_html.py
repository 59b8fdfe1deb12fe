"""The page as text: size, policy, escaping, and the data that its scripts read."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects as go
import pytest

from archlab.errors import InputError
from archlab.files import write_atomic
from archlab.report import render_report, write_report
from archlab.report.figures import history_figure, pareto_figure
from archlab.report.info import candidates, history, pareto
from archlab.report.measures import measures
from archlab.report.payload import encode_draws
from archlab.report.safe import csp_hash, json_block, plotly_text
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
    assert len(inline) == 11
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
        (results.empty, "No network was drawn."),
        (results.without_scores, "No candidate was scored, so there is none to show."),
        (results.without_scores, "<b>This search was interrupted</b>: stopped by Ctrl-C. The report shows"),
        (results.search, "What decides channels"),
        (results.hostile, "so there is no drawing."),
    ],
)
def test_what_is_missing_is_said(make, words: str):
    assert words in render_report(make())


def test_figures_hold_what_the_info_says():
    result = results.search()
    by = measures(result)
    view = pareto(result, by)[0]
    scored, front, finalists = pareto_figure(view, result).data
    assert len(scored.x) == result.counts()["scored"]
    assert tuple(front.customdata) == view.front
    assert list(finalists.text) == ["1", "2", "3", "4", "5", "6"]
    figure = pareto_figure(view, result)
    assert figure.layout.xaxis.title.text == "MACs (M)"
    assert [(shape.x0, shape.line.dash) for shape in figure.layout.shapes] == [(300.0, "dash")]
    line = history_figure(history(result, by)[0]).data[1]
    assert line.line.shape == "hv"


def test_figures_use_traces_of_the_basic_bundle_only():
    result = results.several_objectives()
    by = measures(result)
    figures: list[go.Figure] = [pareto_figure(view, result) for view in pareto(result, by)]
    figures += [history_figure(view) for view in history(result, by)]
    assert {trace.type for figure in figures for trace in figure.data} == {"scatter"}


def test_draws_are_read_back_from_their_code():
    draws = [row.draws for row in candidates(results.search(200), measures(results.search(200)))]
    code = encode_draws(draws)
    read = []
    for text in code["rows"]:
        digits = [code["alphabet"].index(c) for c in text]
        read.append({h["name"]: h["values"][d - 1] for h, d in zip(code["holes"], digits, strict=True) if d})
    assert code["width"] == 1
    assert read == [{hole: str(value) for hole, value in draw.items()} for draw in draws]
    many = encode_draws([{"x": i / 7} for i in range(500)])
    assert (many["width"], len(many["rows"][0])) == (2, 2)


def test_text_in_json_and_in_plots_cannot_end_its_place():
    assert str(json_block(["</script>&\u2028"])) == '["\\u003c/script\\u003e\\u0026\\u2028"]'
    assert plotly_text("<a href='javascript:x'>%{x}") == "&lt;a href='javascript:x'&gt;%&#123;x}"


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    write_atomic(path, "new ×")
    assert path.read_text(encoding="utf-8") == "new ×"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/a.txt", "no such file or directory"),
        (".", "is a directory"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: str, message: str):
    target = tmp_path / name if name != "." else tmp_path
    with pytest.raises(InputError, match=message) as error:
        write_atomic(target, "text")
    assert error.value.hint
    assert list(tmp_path.iterdir()) == []
    assert [path for path in tmp_path.parent.iterdir() if path.suffix == ".tmp"] == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="no space left on device") as error:
        write_atomic(path, "new")
    assert "free some space" in str(error.value)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
