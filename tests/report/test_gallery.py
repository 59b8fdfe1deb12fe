"""The gallery: what it says of each network, where its figures are from, and the page in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlab.report.escaping import csp_hash
from archlab.report.gallery import accuracies, exhibits, render_gallery, write_gallery

LIMIT = 2_000_000


@pytest.fixture(scope="module")
def page() -> str:
    return render_gallery()


def test_the_published_figures_are_torchvisions_and_the_papers():
    models = pytest.importorskip("torchvision.models")
    found = accuracies()
    for name, accuracy in found.items():
        if accuracy.source.startswith("torchvision "):
            weights = models.get_weight(accuracy.source.removeprefix("torchvision "))
            assert accuracy.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"], name
        else:
            assert re.search(r"arXiv:\d{4}\.\d{5}, table|2012, table", accuracy.source), name
    assert sum(a.source.startswith("torchvision ") for a in found.values()) == 18
    assert len(found) == 22


def test_every_reference_network_is_shown_by_its_macs():
    shown = exhibits()
    assert len(shown) == 23
    macs = [exhibit.total.macs for exhibit in shown]
    assert macs == sorted(macs)
    assert {e.name for e in shown if e.accuracy is None} == {"vgg16_5x5"}
    assert all(sum(stage.cost.params for stage in e.stages) == e.total.params for e in shown)
    assert all("arXiv:" in e.about or "NIPS" in e.about for e in shown)


def test_the_page_is_small_and_allows_only_its_own_scripts_and_styles(page):
    assert len(page.encode()) < LIMIT
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    inline = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(inline) == 7
    assert all(csp_hash(text) in policy for text in inline)
    assert not re.search(r"<(img|iframe|link(?! rel=\"icon\")|object)\b", page)
    assert " style=" not in page


def test_the_page_holds_texts_costs_and_drawings(page):
    assert page.count('<div class="net">') == 23
    assert page.split('id="numbers"')[0].count('<text class="label"') == 2 * 22, (
        "each of both charts names every network"
    )
    assert page.count("net resnet50(input=3x224x224)") == 1
    assert "4,089,184,256" in page
    assert "stage1: repeat(3, bottleneck(256))" in page


def test_the_page_is_the_same_each_time(page, tmp_path):
    write_gallery(tmp_path / "g.html")
    assert (tmp_path / "g.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_browser_it_asks_for_nothing_and_fits(browser, page, tmp_path, theme):
    path = Path(tmp_path) / "gallery.html"
    path.write_text(page, encoding="utf-8")
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1320, "height": 900}, color_scheme=theme, offline=True)
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    tab.goto(path.as_uri())
    assert tab.locator(".exhibit").count() == 23
    assert tab.locator(".wide-chart circle.bubble").count() == tab.locator(".narrow-chart circle.bubble").count() == 22
    tab.locator('.wide-chart a[href="#resnet18"] circle').click()
    assert tab.url.endswith("#resnet18")
    assert tab.locator("#resnet18 .net").is_hidden()
    tab.locator("#resnet18 .drawing > summary").click()
    assert tab.locator("#resnet18 .net").is_visible()
    boxes = [tab.locator(f"#{name}").bounding_box() for name in ("shufflenet_v2_x0_5", "shufflenet_v1_g3")]
    assert boxes[0]["y"] == boxes[1]["y"], "side by side"
    for size in (1320, 390):
        tab.set_viewport_size({"width": size, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    context.close()
    assert said == []
