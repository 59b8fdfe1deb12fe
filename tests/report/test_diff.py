"""A comparison in the terminal and as a page: it fits, says all, and no name gets out of its place."""

from __future__ import annotations

import dataclasses

import pytest

import archlab
from archlab.ir import Graph
from archlab.report import show_diff
from archlab.report.diff_page import diff_page
from tests.report.results import HOSTILE
from tests.report.test_structure_tables import hostile
from tests.structure.test_compare import BASE

OTHER = BASE.replace("repeat(3, bottleneck(128))", "repeat(5, bottleneck(128, g=4))")


def test_what_is_printed():
    lines = str(archlab.diff(BASE, OTHER)).split("\n")
    # A grouped block: 128 x 32 and back, and 32 x 32 x 9 / 4; norms of 32, 32 and 128 channels, two numbers each.
    params = 5 * (2 * 128 * 32 + 32 * 8 * 9 + 2 * 192) - 3 * (2 * 128 * 32 + 32 * 32 * 9 + 2 * 192)
    assert params == 1_024
    # A block's operators put out 32 channels six times and 128 four times, on maps of 8x8.
    assert 2 * 64 * (6 * 32 + 4 * 128) * 4 == 352 * 1024
    assert lines[:8] == [
        "base → base  3x32x32",
        "",
        "stage 2",
        "  bottleneck 3x3 /2, projected",
        "~ bottleneck 3x3 g4, identity ×5",
        "    repeats 3 → 5, groups 1 → 4",
        "    params +1.024 k (+1.9 %)  MACs +16.38 k (+0.5 %)",
        "    memory +352.0 KiB (+66.7 %)",
    ]
    assert "the same: stem, stage 1, head" in lines


@pytest.mark.parametrize(
    ("a", "b"), [("resnet18", "resnet50"), ("inception_v3", "densenet121"), ("detection", "mobile"), ("vgg16", BASE)]
)
def test_it_fits_80_columns(a: str, b: str):
    assert max(map(len, str(archlab.diff(a, b)).split("\n"))) <= 80


def test_hostile_names_stay_text():
    text = "net n(input=3x8x8)\na: conv(4) -> residual(conv(4) -> conv(4))\n"
    found = archlab.diff(hostile(text), hostile(text.replace("residual(conv(4)", "residual(conv(4, 5)")))
    assert HOSTILE not in diff_page(found)
    assert "\x1b" not in str(found)
    odd = dataclasses.replace(found.a.graph, name="\x1b[2J" + HOSTILE)
    assert "\x1b" not in str(archlab.diff(odd, found.b.graph))


def test_rows_as_data():
    found = archlab.diff(BASE, OTHER)
    rows = show_diff.rows(found, "block")
    assert [row["state"] for row in rows].count("changed") == 1
    assert show_diff.rows(found, "total")[1]["cost"] == "macs"
    assert show_diff.csv(found, None).startswith("section,state,a,b,changed,params_a,params_b,")


def test_networks_without_operators():
    empty = Graph("empty", (3, 8, 8), ())
    assert "they compute the same" in str(archlab.diff(empty, empty))
    assert "no" not in diff_page(archlab.diff(empty, BASE))[:40]


@pytest.mark.parametrize("size", [(400, 900), (1280, 900)])
def test_the_page_in_a_browser(browser, tmp_path, size):
    path = tmp_path / "diff.html"
    archlab.diff(BASE, OTHER).to_html(path)
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.locator(".diff-pair.changed .diff-changes li").all_inner_texts() == ["repeats 3 5", "groups 1 4"]
    assert page.locator("details.diff-section[open]").count() == 1
    page.close()
    assert said == []
