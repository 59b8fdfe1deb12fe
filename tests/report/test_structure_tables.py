"""The structure as tables: what they say, that they fit, and that no name gets out of its place."""

from __future__ import annotations

import dataclasses

import pytest

import archlab
from archlab.ir import Graph
from archlab.report import show_structure
from archlab.report.diagram import draw_blocks
from archlab.report.structure_tables import kind_rows, sections_in_words
from archlab.resources import shipped_spaces
from archlab.structure import find_structure
from tests.report.results import HOSTILE
from tests.report.test_diagram import _Elements


def test_a_row_for_each_kind_and_for_what_is_inside_others():
    rows = kind_rows(archlab.structure("resnet18"))
    assert [(row.title, len(row.blocks), row.where) for row in rows] == [
        ("standard convolution", 1, "stem"),
        ("residual", 8, "stages 1–4"),
        ("pooling", 1, "stem"),
        ("global pooling", 1, "head"),
        ("linear layer", 1, "head"),
        ("standard convolution", 16, "in residual"),
    ]


def test_shares_are_of_the_whole_network():
    structure = archlab.structure("mobilenet_v1")
    linear = kind_rows(structure)[-1]
    assert linear.title == "linear layer"
    assert linear.share_of("params", structure) == "24.2 %"  # 1,025,000 of 4,231,976
    assert linear.share_of("macs", structure) == "0.2 %"  # 1,024,000 of 568,740,352


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["stem"], "stem"),
        (["stage 2"], "stage 2"),
        (["stage 1", "stage 2", "stage 4", "head"], "stages 1–2, 4, head"),
        (["stem", "stage 9", "stage 10"], "stem, stages 9–10"),
    ],
)
def test_where_in_few_words(names: list[str], words: str):
    assert sections_in_words(names) == words


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_what_is_printed_fits_80_columns_and_names_every_section(name: str):
    structure = archlab.structure(name)
    lines = str(structure).split("\n")
    assert max(map(len, lines)) <= 80
    for section in structure.sections:
        assert any(line.startswith(f" {section.name} ") for line in lines)


def test_repeats_are_folded_and_their_cost_is_of_all():
    (line,) = (line for line in str(archlab.structure("mobilenet_v1")).split("\n") if "×5" in line)
    # Five of depthwise 3x3 and 1x1 on 512 channels of 14x14: 5 x 14 x 14 x 512 x (9 + 512) MACs.
    assert " ".join(line.split()) == "depthwise separable 3x3 dm1 ×5 512 512x14x14 1.344 M 261.4 M"
    assert 5 * 14 * 14 * 512 * (9 + 512) == 261_416_960


def test_rows_as_data():
    structure = archlab.structure("resnet50")
    by_section = show_structure.rows(structure, "section")
    assert sum(row["params"] for row in by_section) == 25_557_032
    blocks = show_structure.rows(structure, "block")
    assert [row["block"] for row in blocks].count("bottleneck") == 16
    assert blocks[3]["place"] == "stage1.1"
    assert show_structure.csv(structure, None).startswith("block,inside,count,params,macs,memory,where\n")


def hostile(structure_of: str) -> Graph:
    graph = archlab.elaborate(structure_of).graph
    bad = {node.name: f"{HOSTILE}.{i}" for i, node in enumerate(graph)}
    nodes = tuple(
        dataclasses.replace(node, name=bad[node.name], inputs=tuple(bad.get(n, n) for n in node.inputs))
        for node in graph
    )
    return Graph(HOSTILE, graph.input_shape, nodes)


def test_hostile_names_stay_text_in_tables_and_drawing():
    structure = find_structure(hostile("net n(input=3x8x8)\na: conv(4) -> residual(conv(4) -> conv(4))\n"))
    page = show_structure.page(structure)
    assert HOSTILE not in page
    parser = _Elements()
    parser.feed(draw_blocks(structure))
    assert not parser.open
    assert "script" not in parser.names
    assert "\x1b" not in str(structure)


def test_the_drawing_has_sections_that_open_to_blocks():
    structure = archlab.structure("resnet50")
    parser = _Elements()
    parser.feed(draw_blocks(structure))
    # Six sections; in each stage the first block has a projection and the others are equal; two layers at both ends.
    assert parser.names.count("details") == 6 + 4 * 2 + 2 * 2
    drawn = draw_blocks(structure)
    assert "bottleneck 3x3 /2, projected" in drawn
    assert "×5" in drawn  # the third stage's repeats


def test_no_blocks_are_printed_and_drawn_as_such():
    structure = archlab.structure("net n(input=3x8x8)\na: identity\n")
    assert "n  3x8x8" in str(structure)
    assert "output" in draw_blocks(structure)


@pytest.mark.parametrize("size", [(400, 900), (1280, 900)])
def test_the_page_in_a_browser(browser, tmp_path, size):
    path = tmp_path / "structure.html"
    archlab.structure("inception_v3").to_html(path)
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    stage = page.locator("details.net-stage", has_text="stage 3").first
    stage.locator("summary").first.click()
    block = stage.locator("details.net-block", has_text="inception module /2")
    assert not block.locator("svg.net-svg").is_visible()
    block.locator("summary").click()
    assert block.locator("svg.net-svg").is_visible()
    page.close()
    assert said == []
