"""The page and the table of a shrinking: names that tell the two apart, latency that is known or not, and its plot."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from archlab.report.show_shrunk import show_shrunk
from archlab.report.shrunk_page import render_shrunk_page
from archlab.report.shrunk_rows import lead, rows
from tests.report.shrinking import rewritten, searched


def test_the_answer_names_both_and_a_rewriting_which_has_no_name_of_its_own():
    assert lead(searched()).startswith("base_3 has 40.0 % of the MACs of base; its accuracy on 100 test images differs")
    assert lead(rewritten()).startswith("The result has 25.0 % of the MACs of the original; its accuracy")
    heads = [
        re.findall(r'class="right">([^<]*)</th>', render_shrunk_page(made()))[:2] for made in (searched, rewritten)
    ]
    assert heads == [["base", "base_3"], ["original", "result"]]


def test_a_latency_that_is_too_noisy_is_not_compared():
    known, spread = rows(searched())[-2:]
    assert (known.before, known.after, known.kept) == ("4 ms", "2 ms", "50.0 %")
    assert (spread.before, spread.after) == ("4.00–5.00 ms", "2.00–2.50 ms")
    unknown, spread = rows(rewritten())[-2:]
    assert (unknown.before, unknown.after, unknown.kept) == ("4 ms", "too noisy", "")
    assert spread.after == "0.800–12.000 ms"


def test_the_plot_has_its_front_in_steps_and_names_its_dashed_lines_where_there_are_some():
    page = render_shrunk_page(searched())
    front = re.findall(r'class="line role-front" d="M([\d. L]+)"', page)
    assert len(front) == 2, "wide and narrow"
    corners = [tuple(map(float, corner.split())) for corner in front[0].split("L")]
    assert len(corners) == 5
    assert all((x == other_x) != (y == other_y) for (x, y), (other_x, other_y) in pairwise(corners))
    assert page.count(">the original</text>") == page.count(">budget</text>") == 2
    assert "Dashed: the original's accuracy, and the budget." in page
    assert "<svg" not in render_shrunk_page(rewritten()).split("What was rewritten")[0].split("</header>")[1]


@pytest.mark.parametrize("made", [searched, rewritten])
def test_in_the_terminal_commands_are_whole_lines_and_the_table_fits(made):
    lines = show_shrunk(made(), Path("out/a folder")).splitlines()
    commands = [line.strip() for line in lines if line.startswith("  archlab ")]
    assert commands == [
        "archlab show 'out/a folder'/network.arch",
        "archlab export 'out/a folder'/network.arch --weights 'out/a folder'/weights.safetensors --to onnx "
        "--out 'out/a folder'/network.onnx",
        "archlab train 'out/a folder'/network.arch --init 'out/a folder'/weights.safetensors --data photos "
        "--rate 0.01 --epochs 5",
    ]
    assert all(len(line) <= 80 for line in lines if not line.startswith("  archlab "))
    assert any("kept" in line for line in lines)
