"""The report in a real browser: it asks for nothing, says no error, and does what it offers by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archlab.report.search_page import write_report
from archlab.search.result import SearchResult
from tests.report import detectors, results
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE, NARROW = (1440, 900), (390, 844)
Open = Callable[..., "Page"]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; when the test ends, it fails on any error, message or request of the page."""
    said: list[str] = []
    contexts = []

    def visit(result: SearchResult, size: tuple[int, int] = WIDE, javascript: bool = True, **options: str) -> Page:
        path = tmp_path / "report.html"
        write_report(result, path)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=javascript, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * DEADLINE)
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on(
            "request", lambda request: said.append(request.url) if request.url.split("#")[0] != path.as_uri() else None
        )
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


def column(page: Page, index: int) -> list[str]:
    return page.locator(f"#trial-table tbody tr td:nth-child({index})").all_inner_texts()


def overflow(page: Page) -> int:
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert isinstance(width, int)
    return width


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


def test_hostile_names_do_nothing_and_are_shown(open_report: Open):
    page = open_report(results.hostile())
    assert page.locator("img").count() == 0
    assert results.HOSTILE in page.locator("h1").inner_text()
    title = page.locator("[data-plot='history'] .ytitle").text_content() or ""
    assert title.startswith(results.HOSTILE)
    page.locator("#trial-table tbody button").first.click()
    assert results.HOSTILE in page.locator("tr.drawn").inner_text()
    # The label under the mouse is a text of plotly's, which knows some HTML.
    page.locator("[data-plot='pareto'] .point").last.hover(force=True)
    label = page.locator("[data-plot='pareto'] .hovertext").text_content() or ""
    assert results.HOSTILE in label
    page.locator("#finalist").select_option("2")
    assert "so there is no drawing" in page.locator(".finalist:visible").inner_text()
    assert overflow(page) == 0


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


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_no_label_of_a_plot_lies_on_another(open_report: Open, size: tuple[int, int]):
    page = open_report(results.search(200, finalists=16), size)
    placed = "document.querySelector('[data-plot=pareto]').data.find((trace) => trace.meta === 'finalist').textposition"
    page.wait_for_function(f"Array.isArray({placed})")
    boxes = page.locator("[data-plot='pareto'] .textpoint text").evaluate_all(
        "all => all.filter((e) => e.textContent.trim()).map((e) => [e.textContent, e.getBoundingClientRect().toJSON()])"
    )
    ranks = sorted(int(rank) for text, _ in boxes for rank in text.split(","))
    assert ranks == list(range(1, 17))
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            apart = a["right"] <= b["left"] + 1 or b["right"] <= a["left"] + 1
            apart = apart or a["bottom"] <= b["top"] + 1 or b["bottom"] <= a["top"] + 1
            assert apart, (one, other)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_every_axis_has_at_least_three_ticks(open_report: Open, size: tuple[int, int]):
    page = open_report(results.search(), size)
    for plot in ("[data-plot='pareto']", "[data-plot='history']"):
        assert page.locator(f"{plot} .xtick text").count() >= 3
        assert page.locator(f"{plot} .ytick text").count() >= 3


def test_the_first_screen_has_the_pick_its_budgets_and_the_baselines(open_report: Open):
    result = results.search()
    page = open_report(result)
    for words in (result.finalists[0].name, "Higher is better.", "Params", "mobilenet_v2", "is ahead of it"):
        box = page.locator("#pick").get_by_text(words).first.bounding_box()
        assert box is not None, words
        assert box["y"] + box["height"] < WIDE[1], words
    assert page.locator("#run details").first.get_attribute("open") is None


@pytest.mark.parametrize("make", [results.search, results.several_objectives, results.hostile])
def test_a_phone_need_not_scroll_sideways(open_report: Open, make: Callable[[], SearchResult]):
    page = open_report(make(), NARROW)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { if (!d.hidden) d.open = true; })")
    assert overflow(page) == 0


@pytest.mark.parametrize(
    ("make", "sections"),
    [(results.empty, 6), (results.without_scores, 6), (lambda: results.search(1, 1, seed=3), 9)],
)
def test_a_search_that_found_little_is_still_a_page(open_report: Open, make: Callable[[], SearchResult], sections: int):
    page = open_report(make())
    assert page.locator("main > section").count() == sections
    assert overflow(page) == 0


def test_without_javascript_everything_can_be_read(open_report: Open):
    page = open_report(results.search(), NARROW, javascript=False)
    assert page.locator("#trial-table tbody tr").count() == 50
    assert page.locator(".static-plot").count() == 2
    assert page.locator(".needs-js:visible").count() == 0
    assert page.locator(".finalist").nth(0).get_attribute("open") is not None
    other = page.locator(".finalist").nth(1)
    other.locator("summary").first.click()
    assert other.locator(".net-svg:visible").count() >= 1
    assert "net mobile_" in page.locator("#finalist-1").inner_text()


def test_print_is_light_with_every_stage_open(open_report: Open):
    page = open_report(results.search(20), color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#theme").is_hidden()
    heights = page.locator("#finalist-1 .net-svg").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert min(heights) > 40
    assert len(page.pdf()) > 10_000


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_detection_shows_images_with_boxes_and_runs_no_name(open_report: Open, size: tuple[int, int]):
    page = open_report(detectors.search(), size)
    section = page.locator("#detection")
    assert section.locator("figure svg").count() == 9
    # The picture of a finalist is the one above it, drawn again.
    drawn = "all => all.map(e => e.getBoundingClientRect().width)"
    assert min(section.locator("svg image, svg use").evaluate_all(drawn)) > 100
    assert section.locator(".picture text").first.text_content() == "<img src=x onerror=aler… .88"
    assert overflow(page) == 0
