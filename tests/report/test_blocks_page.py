"""The page of convolutions in a browser: what its script computes is what archlab counts, at a grid of settings."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archlab.report.block_counts import ConvCost, conv_costs, network_text
from archlab.report.block_lessons import CONTROLS, DEFAULTS, LESSONS
from archlab.report.blocks_page import render_blocks_page, write_blocks_page
from archlab.report.escaping import csp_hash
from archlab.units import format_percent
from tests.report.watched import open_everything, overflow, violations, watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRID = {
    "in": (64, 128, 1024),
    "c": (64, 128, 256),
    "k": (3, 7),
    "g": (1, 8),
    "dm": (1, 4),
    "e": (0.25, 1),
    "n": (7, 112),
}
counted = cache(conv_costs)

SET = """(points) => points.map((point) => {
  const inputs = [...document.querySelectorAll('[data-control]')];
  for (const input of inputs) {
    const values = report.controls.find((control) => control.name === input.dataset.control).values;
    input.value = values.indexOf(point[input.dataset.control]);
  }
  inputs[0].dispatchEvent(new Event('input'));
  const costs = (row) => ['weights', 'macs'].map((name) => row.querySelector(`[data-${name}]`).textContent);
  return report.lessons.map(({ key }) => {
    const card = document.getElementById(key);
    return {
      text: card.querySelector('[data-text]').textContent,
      steps: [...card.querySelectorAll('[data-step]')].filter((row) => !row.hidden).map(costs),
      sum: costs(card.querySelector('[data-sum]')),
      overview: costs(document.querySelector(`[data-total="${key}"]`)),
      standard: costs(card.querySelector('[data-standard]')),
      share: card.querySelector('[data-sum] [data-share]').textContent,
      shown: [...card.querySelectorAll('[data-when]')].filter((part) => !part.hasAttribute('hidden')).map((part) => part.dataset.when),
      channels: [...card.querySelectorAll('.channels')].map((label) => label.textContent),
    };
  });
})"""  # noqa: E501


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "blocks.html"
    write_blocks_page(path)
    return path


def cost(pair: list[str]) -> ConvCost:
    return ConvCost(*(int(text.replace(",", "")) for text in pair))


def test_the_page_computes_what_archlab_counts(browser, path):
    points = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    with watched(browser, path) as page:
        found = page.evaluate(SET, points)
    for point, lessons in zip(points, found, strict=True):
        for lesson, said in zip(LESSONS, lessons, strict=True):
            assert said["text"] == network_text(lesson.call, point)
            costs = counted(said["text"])
            assert tuple(map(cost, said["steps"])) == costs
            total = ConvCost(sum(one.weights for one in costs), sum(one.macs for one in costs))
            assert cost(said["sum"]) == cost(said["overview"]) == total
            standard = counted(network_text(lesson.standard, point))[0]
            assert cost(said["standard"]) == standard
            assert said["share"] == format_percent(total.weights / standard.weights)


def test_the_drawing_follows_the_sliders(browser, path):
    point = {**DEFAULTS, "in": 256, "g": 8, "k": 5, "e": 1}
    with watched(browser, path) as page:
        said = dict(zip((lesson.key for lesson in LESSONS), page.evaluate(SET, [point])[0], strict=True))
    assert said["grouped"]["shown"] == ["g=8", "k=5"]
    assert said["bottleneck"]["shown"] == ["e=1", "k=5", "same"]
    assert said["bottleneck"]["channels"] == ["256", "256", "256", "256"]
    assert said["shuffle"]["channels"] == ["256", "64", "64", "64", "256"]
    assert said["separable"]["channels"] == ["256", "1024", "256"]
    assert said["two3x3"]["shown"] == []


def test_a_slider_moves_by_keyboard_and_goes_back(browser, path):
    with watched(browser, path) as page:
        page.get_by_label("channels in").press("ArrowRight")
        assert page.locator("#standard [data-sum] [data-weights]").inner_text() == f"{9 * 192 * 256:,}"
        assert page.locator("[data-settings-line]").inner_text() == "192 → 256 channels, 3×3, map 56×56"
        page.get_by_role("button", name="Back to 128").click()
        assert page.locator("#standard [data-sum] [data-weights]").inner_text() == "294,912"


def test_without_its_script_the_page_says_the_same(browser, path):
    def texts(page: Page) -> list[str]:
        return page.locator("#overview td, .lesson td, .lesson code").all_text_contents()

    with watched(browser, path) as page:
        alive = texts(page)
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(path.as_uri())
    assert texts(still) == alive
    assert len(alive) > 100
    assert still.locator("input:visible").count() == 0
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 390])
def test_it_fits_and_is_accessible(browser, path, width, theme):
    with watched(browser, path, width, theme) as page:
        open_everything(page)
        assert overflow(page) == 0
        assert violations(page) == []


def test_the_page_allows_only_its_own_scripts_and_styles(path):
    page = path.read_text(encoding="utf-8")
    assert page == render_blocks_page()
    assert len(page.encode()) < 300_000
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    inline = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(inline) == 10
    assert all(csp_hash(text) in policy for text in inline)
    assert "unsafe" not in policy
    assert " style=" not in page
    assert all(control.default in control.values for control in CONTROLS)
