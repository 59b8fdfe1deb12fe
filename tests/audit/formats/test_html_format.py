"""The report of an audit, in a real browser: nothing loaded, nothing broken, nothing injected, small enough."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_run import AuditRun, Failure
from archlab.audit.formats import render
from archlab.audit.formats.icicle import WIDTH, cells

EVIL = "<img src=x onerror=alert(1)></script>\u202e"


def audit_of(model, *shape, name="model"):
    return dataclasses.replace(archlab.audit(model, torch.empty(*shape, device="meta")), name=name)


def small(name="model"):
    return audit_of(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()), 1, 3, 8, 8, name=name
    )


def deep(blocks):
    parts = [
        nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Sigmoid()) for _ in range(blocks)
    ]
    return audit_of(nn.Sequential(*parts), 1, 8, 16, 16, name="deep")


def page_of(*outcomes):
    return render("html", AuditRun(outcomes))


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page and collects what went wrong and what it asked for."""

    def open_page(outcomes):
        path = tmp_path / "report.html"
        path.write_text(page_of(*outcomes), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.problems, page.requests = [], []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: page.problems.append("dialog"))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        return page

    return open_page


def test_the_table_sorts_and_filters_down_to_operators(opened):
    page = opened([small()])
    table = page.locator("#table-1")
    assert table.locator("tbody tr").count() == 5
    table.locator("select").select_option("operators")
    assert [r.split("\t")[0] for r in table.locator("tbody tr").all_inner_texts()] == [
        "0.conv2d",
        "1.batch_norm",
        "2.relu",
        "3.flatten",
    ]
    assert "kernel 3x3, stride 1x1\t1x3x8x8\t1x8x6x6" in table.locator("tbody tr").first.inner_text()
    table.locator("input").fill("norm")
    assert table.locator("tbody tr").count() == 1
    table.locator("input").fill("")
    table.locator("th[data-key=macs] button").click()
    assert "0.conv2d" in table.locator("tbody tr").first.inner_text()
    assert table.locator("th[data-key=macs]").get_attribute("aria-sort") == "descending"
    assert page.problems == []
    assert len(page.requests) == 1


def test_layers_have_their_settings_and_flops_stand_beside_macs():
    text = page_of(small())
    assert "<td>kernel 3x3, stride 1x1</td><td>1x3x8x8</td>" in text
    assert "<dt>FLOPs</dt><dd>15.55 k<small>15,552, 2 × MACs</small>" in text


def test_icicle_plots_and_drawing_are_there(opened):
    page = opened([small()])
    assert page.locator("[data-view=macs] .icicle rect").count() >= 2
    assert page.locator("[data-view=params]").is_hidden()
    page.locator("[data-icicle]").select_option("params")
    assert page.locator("[data-view=params] .icicle").is_visible()
    assert page.locator(".audit-plot:visible").count() == 2
    assert page.locator(".net-stage").count() >= 1
    page.locator("#theme").click()
    assert page.problems == []


def test_names_are_text_and_never_markup(opened):
    model = nn.Module()
    model.add_module(EVIL.replace(".", ""), nn.Linear(3, 3))
    model.forward = lambda x: next(model.children())(x)
    page = opened([audit_of(model, 2, 3, name=EVIL), Failure(EVIL, EVIL)])
    page.locator("#table-1 select").select_option("operators")
    assert page.locator("img").count() == 0
    assert page.problems == []
    assert EVIL in page.locator("#model-title-1").inner_text()


def test_several_models_are_compared(opened):
    page = opened([small("a"), deep(3), Failure("c", "cannot be built")])
    assert page.locator("#comparison .wide-chart .mark").count() == 2
    assert "cannot be built" in page.locator("#failures").inner_text()
    assert page.problems == []


def test_two_thousand_operators_fit_in_two_megabytes():
    audit = deep(500)
    assert len(audit.operators) == 2000
    text = page_of(audit)
    assert len(text.encode()) < 2_000_000
    assert 'class="icicle"' in text
    assert "net-stage" in text


def test_many_models_fit_too():
    text = page_of(*[dataclasses.replace(deep(300), name=f"m{i}") for i in range(12)])
    assert len(text.encode()) < 2_000_000
    assert "m11" in text


def test_cells_of_the_icicle_are_shares():
    placed = cells(deep(4).modules, "macs")
    assert [cell.width for cell in placed if cell.row == 1] == [WIDTH / 4] * 4
    assert all(cell.share == 1 for cell in placed if cell.row == 0)


def test_nothing_audited_says_so(opened):
    page = opened([Failure("a", "b")])
    assert "No model could be audited" in page.locator("main").inner_text()
    assert page.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_scrolls_sideways_also_with_long_names(opened, theme):
    long = "a_name_that_no_line_breaks" * 8
    model = nn.Sequential(OrderedDict([(long, deepest(long))]))
    merged = dataclasses.replace(
        archlab.audit(model, torch.empty(1, 3, 8, 8, device="meta"), backward=True), name=long, notes=(long,)
    )
    page = opened([merged, small(), Failure(long, long)])
    page.emulate_media(color_scheme=theme)
    for width in (1280, 400, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.problems == []


def deepest(name):
    return nn.Sequential(OrderedDict([(name, nn.Conv2d(3, 8, 3)), ("norm", nn.BatchNorm2d(8))]))
