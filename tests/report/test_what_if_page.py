"""The page of what a network could be, in a real browser: its sliders say archlab's own costs, to the unit."""

from __future__ import annotations

import random

import pytest

import archlab
import archlab.units
from archlab.report.what_if_page import what_if_page
from archlab.what_if.what_if import what_if

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def found():
    return what_if(HOSTILE, archlab.load("resnet18"))


@pytest.fixture
def opened(browser, tmp_path, found):
    """Opens the page; when the test ends, it fails on any error, message or request of it."""
    said, contexts = [], []

    def visit(width=1280, **options):
        path = tmp_path / "page.html"
        path.write_text(what_if_page(found), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append("dialog"))
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


def shown(page):
    return {
        name: int(page.locator(f"[data-cost={name}] [data-exact]").inner_text().replace(",", ""))
        for name in ("params", "macs", "memory")
    }


def true_costs(found, setting):
    space = archlab.load_space(found.sliders.architecture)
    cost = archlab.cost(archlab.Interpreter(space).network(archlab.Fixed(setting)))
    return {"params": cost.params, "macs": cost.macs, "memory": cost.memory}


def move(page, number, place):
    slider = page.locator(f"input[data-slider='{number}']")
    slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", str(place))


def test_moving_sliders_shows_the_exact_costs_at_once(opened, found):
    page = opened()
    assert shown(page) == true_costs(found, {})
    rng, sliders = random.Random(1), found.sliders.sliders
    for _ in range(4):
        setting = {}
        for number, slider in enumerate(sliders):
            setting[slider.name] = rng.choice(slider.values)
            move(page, number, slider.values.index(setting[slider.name]))
        assert shown(page) == true_costs(found, setting)
        changed = {slider.name: setting[slider.name] for slider in sliders if setting[slider.name] != slider.default}
        said = page.locator("[data-setting]").inner_text().split("--set ")[1:]
        assert sorted(one.strip() for one in said) == sorted(f"{name}={value}" for name, value in changed.items())
    page.locator("[data-reset]").click()
    assert shown(page) == true_costs(found, {})
    assert page.locator("[data-setting]").inner_text() == "none"


def test_the_keyboard_moves_a_slider_and_numbers_are_in_four_figures(opened, found):
    page = opened()
    slider = page.get_by_role("slider", name="stage4 width")
    slider.press("ArrowRight")
    assert page.locator("label.changed output").inner_text() == "544"
    cost = true_costs(found, {"stage4_width": 544})
    assert shown(page) == cost
    assert page.locator("[data-cost=macs] b").inner_text() == archlab.units.format_count(cost["macs"])
    assert page.locator("[data-cost=memory] b").inner_text() == archlab.units.format_bytes(cost["memory"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone_and_names_are_text(opened, scheme):
    page = opened(400, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.locator("h1").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.locator("tbody tr").count() == 60


def test_without_a_script_it_shows_the_network_and_what_to_rewrite(opened, found):
    page = opened(java_script_enabled=False)
    assert shown(page) == true_costs(found, {})
    assert page.locator("input[data-slider]").first.is_hidden()
    assert "separable dm=1" in page.locator("tbody tr").first.inner_text()


def test_a_network_without_sliders_says_why():
    text = what_if_page(what_if("mobile", archlab.load("mobile")))
    assert "there are no sliders: mobile has holes of its own" in text
    assert "data-slider" not in text.split("<main>")[1].split("</main>")[0]
