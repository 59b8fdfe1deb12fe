"""The report in a real browser, for every reader: wide and narrow, with hostile names, without scripts, on paper."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archlab.search.result import SearchResult
from tests.report import detectors, results
from tests.report.watched import NARROW, WIDE, Open, overflow


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
    assert page.locator(".static-plot:visible").count() == 2
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
