"""The report in a real browser does what it offers, by mouse and keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.report import results
from tests.report.watched import Open

if TYPE_CHECKING:
    from playwright.sync_api import Page


def column(page: Page, index: int) -> list[str]:
    return page.locator(f"#trial-table tbody tr td:nth-child({index})").all_inner_texts()


def test_sorting(open_report: Open):
    page = open_report(results.search())
    heading = page.locator("th[data-key='cost:macs']")
    assert heading.get_attribute("aria-sort") == "none"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    macs = [float(text) for text in column(page, 4)]
    assert macs == sorted(macs)
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert [float(text) for text in column(page, 4)] != macs
    # Of what is maximised the best comes first, and rows without a value stay last.
    page.locator("th[data-key='objective:channels'] button").click()
    assert column(page, 3)[0] == max(column(page, 3)[:31])
    assert column(page, 3)[-1] == "–"
    assert heading.get_attribute("aria-sort") == "none"


def test_filtering_and_paging(open_report: Open):
    page = open_report(results.search())
    assert page.locator("#shown").inner_text() == "60 trials."
    assert len(column(page, 1)) == 50
    page.locator("#next").click()
    assert len(column(page, 1)) == 10
    assert page.locator("#next").is_disabled()
    page.locator("#state").select_option(label="failed (3)")
    assert set(column(page, 2)) == {"failed"}
    page.locator("#state").select_option(label="all")
    page.locator("#filter").fill("stage3.block=inverted trial=2")
    shown = column(page, 1)
    assert shown
    assert all(text.strip().startswith("2") for text in shown)
    page.locator("#trial-table tbody button").first.press("Enter")
    assert "stage3.block inverted" in page.locator("tr.drawn").inner_text()
    page.locator("#trial-table tbody button").first.press("Enter")
    assert page.locator("tr.drawn").count() == 0
    page.locator("#filter").fill("no such thing")
    assert "No trial matches" in page.locator("#trial-table tbody").inner_text()


def test_choosing_a_finalist(open_report: Open):
    page = open_report(results.search())
    visible = page.locator(".finalist:visible")
    assert visible.get_attribute("id") == "finalist-1"
    page.locator("#finalist").select_option("3")
    assert visible.get_attribute("id") == "finalist-3"
    page.locator("#best a[data-finalist='2']").click()
    assert visible.get_attribute("id") == "finalist-2"
    assert page.locator("#finalist").input_value() == "2"
    assert visible.locator("code").first.inner_text().startswith("net mobile_")


def test_the_drawing_opens_and_closes_by_mouse_and_keyboard(open_report: Open):
    page = open_report(results.search())
    stem = page.locator("#finalist-1 .net-stage").first
    drawing = stem.locator("svg.net-svg").first
    assert not drawing.is_visible()
    stem.locator("summary").click()
    assert drawing.is_visible()
    stem.locator("summary").press("Enter")
    assert not drawing.is_visible()
    page.locator("#finalist-1 [data-stages='open']").click()
    assert page.locator("#finalist-1 .net-stage[open]").count() == 7
    page.locator("#finalist-1 [data-stages='close']").press("Space")
    assert page.locator("#finalist-1 .net-stage[open]").count() == 0


def test_a_filter_and_an_order_are_in_the_address_and_come_back(open_report: Open):
    result = results.search()
    page = open_report(result)
    page.locator("#filter").fill("stage3.block=inverted")
    page.locator("#state").select_option(label=f"scored ({result.counts()['scored']})")
    page.locator("th[data-key='cost:macs'] button").click()
    url = page.evaluate("location.href")
    assert url.endswith("#trials?filter=stage3.block%3Dinverted&state=scored&sort=cost%3Amacs")
    shown = column(page, 1)
    page.goto("about:blank")
    page.goto(url)
    assert column(page, 1) == shown
    assert page.locator("#filter").input_value() == "stage3.block=inverted"
    page.locator("#filter").fill("")
    page.locator("#state").select_option(label="all")
    assert page.evaluate("location.hash") == "#trials?sort=cost%3Amacs"


def test_two_candidates_stand_side_by_side(open_report: Open):
    result = results.search()
    page = open_report(result)
    first, second = (f.trial for f in result.finalists[:2])
    assert page.locator("#pair-table thead th").all_inner_texts() == [
        f"trial {first}, finalist 1",
        f"trial {second}, finalist 2",
    ]
    ours, theirs = (result.trials[n].draws for n in (first, second))
    differing = {h for h in ours.keys() | theirs.keys() if ours.get(h) != theirs.get(h)}
    assert set(page.locator("#pair-table th.mono").all_inner_texts()) == differing
    page.locator("#right-trial").fill(str(first))
    assert page.locator("#pair-table th.mono").count() == 0
    assert page.evaluate("location.hash") == f"#side-by-side?left={first}&right={first}"
    page.locator("#right-trial").fill("99999")
    assert page.locator("#pair-note").inner_text() == "This page holds no trial 99999."


def test_slices_show_every_scored_trial_that_has_the_hole(open_report: Open):
    result = results.search()
    page = open_report(result)
    page.locator("#slice-hole").select_option("stage3.block")
    having = [t for t in result.trials if t.state == "scored" and "stage3.block" in t.draws]
    assert page.locator("#slices .point").count() == len(having)
    ticks = page.locator("#slices .xtick").all_text_contents()
    assert ticks == sorted({str(t.draws["stage3.block"]) for t in having})
    assert page.evaluate("location.hash") == "#slices-title?hole=stage3.block"


def test_plots_show_every_view(open_report: Open):
    page = open_report(results.several_objectives())
    titles = set()
    for option in range(page.locator("#pareto-view option").count()):
        page.locator("#pareto-view").select_option(str(option))
        titles.add(page.locator("[data-plot='pareto'] .xtitle").inner_html())
        assert page.locator("[data-plot='pareto'] .point").count() >= 21
    assert titles == {
        "MACs (M)", "Latency (ms)", "Params (M)", "Activations (M)", "Peak memory (MiB)",
    }  # fmt: skip
    page.locator("#history-view").select_option("1")
    assert page.locator("[data-plot='history'] .ytitle").inner_html() == "MACs (M)"


def test_theme(open_report: Open):
    page = open_report(results.search(20), color_scheme="dark")
    tick = "document.querySelector('.xtick text').style.fill"
    dark = (page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate(tick))
    page.get_by_role("button", name="Light theme").click()
    light = (page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate(tick))
    assert dark[0] == "rgb(15, 18, 22)"
    assert light[0] == "rgb(245, 246, 248)"
    assert dark[1] != light[1]
    page.reload()
    assert page.locator("#theme").inner_text() == "Dark theme"
