"""The box of the RoI page, moved in a browser: what the page computes is what our operators give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archlab.report.roi_drawing import CELL, INSET, MARGIN
from archlab.report.roi_page import write_roi_page
from archlab.report.roi_readings import EXAMPLE_BOX, Box, roi_readings
from archlab.units import format_signed
from tests.report.watched import overflow, violations, watched

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOXES: tuple[Box, ...] = (
    EXAMPLE_BOX,
    (0.0, 3.0, 7.0, 8.0),
    (0.0, 0.0, 8.0, 8.0),
    (0.5, 2.5, 2.5, 6.5),  # halves are rounded away from zero, 2.5 to 3 as well
    (1.5, 0.5, 6.5, 3.5),
    (3.2, 3.2, 3.3, 3.3),  # rounded, it has no pixel: bins without any
    (2.6, 1.4, 4.4, 1.6),
    (7.9, 7.8, 8.0, 8.0),
    (0.0, 0.0, 0.1, 0.7),
    (1.3, 2.1, 6.1, 6.9),
)

SET_BOX = """(box) => {
  document.querySelector('[data-box-reset]').click();
  for (const [side, value] of [[0, 0], [1, 0], [2, 8], [3, 8], [0, box[0]], [1, box[1]], [2, box[2]], [3, box[3]]]) {
    const slider = document.querySelector(`[data-side="${side}"]`);
    slider.value = value;
    slider.dispatchEvent(new Event('input'));
  }
}"""
READ = """() => [...document.querySelectorAll('[data-reading]')].map((figure) => {
  const numbers = (shape, names) => names.map((name) => Number(shape.getAttribute(name)));
  return {
    key: figure.dataset.reading,
    values: [...figure.querySelectorAll('.output td')].map((cell) => Number(cell.dataset.value)),
    bins: [...figure.querySelectorAll('.bin')].map((bin) => numbers(bin, ['x', 'y', 'width', 'height'])),
    samples: [...figure.querySelectorAll('.sample')].map((sample) => numbers(sample, ['cy', 'cx'])),
    rounded: figure.querySelector('[data-rounded]')?.textContent ?? '',
    shifts: [...document.querySelectorAll(`[data-shifts="${figure.dataset.reading}"] td`)].slice(0, 4).map((cell) => cell.textContent),
  };
})"""  # noqa: E501


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "roi.html"
    write_roi_page(path)
    return path


def box_of(page: Page) -> list[float]:
    return [float(text) for text in page.locator(".box-settings output").all_inner_texts()]


def drawn(row: tuple[float, float], column: tuple[float, float]) -> list[float]:
    lengths = [max((end - begin) * CELL - 2 * INSET, 0) for begin, end in (column, row)]
    return [MARGIN + column[0] * CELL + INSET, MARGIN + row[0] * CELL + INSET, *lengths]


def test_the_page_reads_what_the_operators_read(browser, path):
    found: dict[Box, Any] = {}
    with watched(browser, path) as page:
        for box in BOXES:
            page.evaluate(SET_BOX, list(box))
            assert box_of(page) == list(box)
            found[box] = page.evaluate(READ)
    for box, said in found.items():
        for reading, one in zip(roi_readings(box=box).readings, said, strict=True):
            assert one["key"] == reading.key
            values = [value for row in reading.values for value in row]
            if reading.samples:
                assert one["values"] == pytest.approx(values, abs=1e-12)
            else:
                assert one["values"] == values
            bins = [drawn(row, column) for row in reading.rows for column in reading.columns]
            assert [pytest.approx(place, abs=1e-9) for place in bins] == one["bins"]
            samples = [[MARGIN + at * CELL for at in sample] for sample in reading.samples]
            assert [pytest.approx(sample, abs=1e-9) for sample in samples] == one["samples"]
            assert one["rounded"] == reading.rounded
            assert one["shifts"] == [format_signed(shift) for shift in reading.shifts]


def test_a_box_without_pixels_gives_nothing():
    partition = roi_readings(box=(3.2, 3.2, 3.3, 3.3)).readings[0]
    assert partition.values == ((0, 0), (0, 0))


def test_dragging_moves_the_box_and_its_corners(browser, path):
    with watched(browser, path) as page:
        drawing = page.locator("[data-reading='caffe'] svg.roi")
        drawing.scroll_into_view_if_needed()
        place = drawing.bounding_box()
        scale = place["width"] / float(drawing.get_attribute("viewBox").split()[2])

        def drag(start: tuple[float, float], by: tuple[float, float]) -> None:
            x, y = (at + scale * (MARGIN + CELL * s) for at, s in zip((place["x"], place["y"]), start, strict=True))
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + scale * CELL * by[0], y + scale * CELL * by[1], steps=3)
            page.mouse.up()

        drag((3.5, 5), (1, -2))
        assert box_of(page) == [1.4, 0.7, 7.6, 5.4]
        drag((3.5, 3), (-5, 9))  # no farther than the map
        assert box_of(page) == [0.0, 3.3, 6.2, 8.0]
        drag((6.2, 8), (-3, -1.5))
        assert box_of(page) == [0.0, 3.3, 3.2, 6.5]
        drag((0, 3.3), (9, 9))  # never turned inside out
        assert box_of(page) == [3.1, 6.4, 3.2, 6.5]
        page.mouse.move(place["x"] + 100, place["y"] + 100)
        assert box_of(page) == [3.1, 6.4, 3.2, 6.5]
        page.get_by_role("button", name="Back to the first box").click()
        assert box_of(page) == list(EXAMPLE_BOX)


def test_the_keyboard_moves_the_box(browser, path):
    with watched(browser, path) as page:
        grip = page.locator("[data-reading='avg'] .grip")
        grip.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"):
            page.keyboard.press(key)
        assert box_of(page) == [0.6, 2.6, 6.7, 7.4]
        assert grip.get_attribute("aria-label") == "Box: x 0.6 to 6.7, y 2.6 to 7.4"
        for _ in range(9):
            page.keyboard.press("ArrowLeft")
        assert box_of(page)[0] == 0.0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_and_is_accessible(browser, path, width, theme):
    with watched(browser, path, width, theme) as page:
        assert overflow(page) == 0
        assert violations(page) == []
