"""Elements that no text gets out of, and axes whose ticks are worked out by hand."""

from __future__ import annotations

import random

import pytest
from markupsafe import Markup

from archlab.report.svg import Axis, Frame, bar, element, key, line_through, shorten, steps
from tests.report.results import HOSTILE


def test_text_and_attributes_are_escaped_and_markup_stands():
    inner = element("tspan", HOSTILE)
    made = element("text", inner, HOSTILE, class_='a" onload="x', text_anchor="end")
    assert str(made) == (
        '<text class="a&#34; onload=&#34;x" text-anchor="end">'
        "<tspan>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;</tspan>"
        "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;</text>"
    )
    assert isinstance(made, Markup)


def test_numbers_keep_one_digit_and_empty_shapes_close_themselves():
    assert str(element("rect", x=1.0, y=2.26, width=3)) == '<rect x="1" y="2.3" width="3"/>'
    assert str(element("span")) == "<span></span>", "HTML has no empty span"


@pytest.mark.parametrize(("share", "width"), [(-1.0, "0"), (0.255, "25.5"), (7.0, "100")])
def test_a_bar_is_filled_to_its_share(share: float, width: str):
    assert f'class="fill" width="{width}"' in bar(share)


def test_small_pieces():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
    assert line_through([]) == ""
    assert '<rect class="h1"' in key("h1")
    assert '<circle class="dot"' in key("dot", "dot")
    assert '<path class="front" d="M0 5H10"/>' in key("front", "line")


def test_a_linear_axis_has_room_and_round_ticks():
    axis = Axis.over([0.0, 100.0], 0.0, 220.0)
    assert (axis.low, axis.high) == (-5.0, 105.0)
    assert axis.at(0.0) == 10.0
    assert axis.ticks() == (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    assert Axis(54, 86, 0, 1).ticks(8) == (55.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0)


def test_an_axis_may_run_upward():
    axis = Axis(0, 10, 300, 100)
    assert [axis.at(v) for v in (0, 5, 10)] == [300, 200, 100]


@pytest.mark.parametrize("values", [[], [0.0], [3.0, 3.0], [1e20, 1e20 + 16384], [-1e149, 1e149]])
def test_odd_values_have_an_axis_with_few_ticks(values: list[float]):
    axis = Axis.over(values, 0.0, 100.0)
    assert axis.low < axis.high
    assert len(axis.ticks()) <= 7


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (15.0, 33.0, (15.0, 20.0, 25.0, 30.0)),  # 20 alone would say nothing of the scale
        (9.0, 110.0, (10.0, 20.0, 50.0, 100.0)),
        (0.9, 1.1e5, (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)),
        (0.9, 1.1e9, (1.0, 100.0, 1e4, 1e6, 1e8)),
    ],
)
def test_a_logarithmic_axis_has_fewer_ticks_the_more_it_spans(low: float, high: float, ticks: tuple[float, ...]):
    assert Axis(low, high, 0, 100, is_log=True).ticks() == ticks


def test_a_logarithmic_axis_places_by_the_logarithm():
    axis = Axis(1, 100, 0, 100, is_log=True)
    assert [axis.at(v) for v in (1, 10, 100)] == [0, 50, 100]
    around = Axis.over([10.0], 0, 100, is_log=True)
    assert around.at(10.0) == pytest.approx(50)


def test_a_frame_has_its_grid_within_its_margins():
    frame = Frame(200, 100, left=20, right=10, top=5, bottom=15)
    assert (frame.x_ends, frame.y_ends) == ((20, 190), (85, 5))
    assert str(frame.x_tick(50, "<")) == (
        '<path class="grid" d="M50 5V85"/><text x="50" y="101" text-anchor="middle">&lt;</text>'
    )
    assert 'd="M20 40H190"' in frame.y_tick(40, "4")
    assert 'transform="rotate(-90 14 45)"' in frame.y_title("MACs")


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("most", [6, 8, 12])
def test_every_axis_has_at_least_three_ticks_and_not_many_more_than_asked_for(is_log: bool, most: int):
    rng = random.Random(0)
    for _ in range(400):
        low = 10 ** rng.uniform(-3, 9)
        axis = Axis.over([low, low * 10 ** rng.uniform(0, 2)], 0, 100, is_log)
        ticks = axis.ticks(most)
        assert 3 <= len(ticks) <= most + 1, (axis, ticks)
        assert all(axis.low <= tick * (1 + 1e-9) and tick <= axis.high * (1 + 1e-9) for tick in ticks)
        assert sorted(set(ticks)) == list(ticks)


def test_a_line_of_what_is_reached_goes_in_steps():
    assert steps([(1.0, 5.0), (2.0, 7.0), (4.0, 8.0)]) == [(1, 5), (2, 5), (2, 7), (4, 7), (4, 8)]
    assert steps([]) == []
