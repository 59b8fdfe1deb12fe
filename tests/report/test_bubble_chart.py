"""The chart of networks: circles, and the line of those that none beats."""

from __future__ import annotations

import re

import pytest

from archlab.report.bubble_chart import Bubble, bubble_chart


def test_circles_are_where_their_numbers_say():
    chart = bubble_chart([Bubble("a", "#a", 10**8, 10**6, 60.0), Bubble("b<", "#b", 10**10, 25 * 10**6, 80.0)])
    circles = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', chart)
    (bx, by, br), (ax, ay, ar) = [tuple(map(float, circle)) for circle in circles]
    assert ax < bx
    assert ay > by
    assert br == 26.0
    assert ar == pytest.approx(26 / 5, abs=0.05)
    assert "b&lt;" in chart
    assert "b<" not in chart.replace("<b", "")
    assert bubble_chart([]) == ""


def test_only_what_none_beats_is_on_the_line():
    chart = bubble_chart([
        Bubble("small", "#s", 10**8, 10**6, 60.0),
        Bubble("beaten", "#x", 2 * 10**8, 10**6, 55.0),
        Bubble("large", "#l", 10**9, 10**6, 70.0),
    ])  # fmt: skip
    assert chart.count('class="bubble best"') == 2
    assert re.search(r'class="front" d="M[\d.]+ [\d.]+L[\d.]+ [\d.]+"', chart)
