"""The chart of networks: circles, and the line of those that none beats."""

from __future__ import annotations

import itertools
import re

import pytest

from archlab.report.bubble_chart import NARROW, Bubble, bubble_chart


def test_circles_are_where_their_numbers_say():
    chart = bubble_chart([Bubble(1, "a", "#a", 10**8, 10**6, 60.0), Bubble(2, "b<", "#b", 10**10, 25 * 10**6, 80.0)])
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
        Bubble(1, "small", "#s", 10**8, 10**6, 60.0),
        Bubble(2, "beaten", "#x", 2 * 10**8, 10**6, 55.0),
        Bubble(3, "large", "#l", 10**9, 10**6, 70.0),
    ])  # fmt: skip
    assert chart.count('class="bubble best"') == 2
    (path,) = re.findall(r'class="front" d="M([\d.L ]+)"', chart)
    (x1, low), corner, (x2, high) = (tuple(point.split()) for point in path.split("L"))
    assert corner == (x2, low), "in steps: so many MACs buy no more until the better network begins"
    assert float(x1) < float(x2)
    assert float(low) > float(high)


def test_the_narrow_chart_has_numbers_for_names_and_no_label_on_another():
    bubbles = [Bubble(i, f"network{i}", "#", int(1e8 * 1.3**i), 10**6 * i, 60.0 + i % 7) for i in range(1, 23)]
    chart = bubble_chart(bubbles, NARROW)
    labels = re.findall(r'<text class="label" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">(\d+)<', chart)
    assert sorted(int(number) for *_, number in labels) == list(range(1, 23))
    assert "network7" in chart.replace('class="label"', ""), "the title of a circle has its name"
    boxes = []
    for x, y, anchor, number in labels:
        width = 6 * len(number)
        left = float(x) - {"start": 0, "middle": width / 2, "end": width}[anchor]
        boxes.append((left, float(y) - 9, left + width, float(y)))
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
