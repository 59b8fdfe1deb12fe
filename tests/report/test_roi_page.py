"""The page of one RoI: its numbers are those of the operators, and it is complete, offline and escaped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlab.report.escaping import csp_hash
from archlab.report.roi_page import render_roi_page, write_roi_page
from archlab.report.roi_readings import roi_readings


def test_numbers_of_the_textbook_box() -> None:
    partition, caffe, average, largest = roi_readings(box=(0.0, 3.0, 7.0, 8.0)).readings
    assert partition.values == ((0.85, 0.84), (0.97, 0.96))
    assert partition.columns == ((0, 3), (3, 7))
    assert partition.rows == ((3, 5), (5, 8))
    assert caffe.values == ((0.85, 0.96), (0.97, 0.91))
    # The last pixel is included: column 7 and row 8, one beyond the box.
    assert caffe.shifts == (0, 0, 1, 1)
    assert average.largest_shift == largest.largest_shift == pytest.approx(0, abs=1e-12)
    assert len(average.samples) == 16
    assert average.samples[0] == pytest.approx((3.625, 0.875))


def test_roundings_move_the_box() -> None:
    partition, caffe, *_ = roi_readings(box=(0.4, 2.7, 6.6, 7.4)).readings
    assert partition.shifts == pytest.approx((-0.4, 0.3, 0.4, -0.4))
    assert caffe.shifts == pytest.approx((-0.4, 0.3, 1.4, 0.6))
    assert caffe.largest_shift == pytest.approx(1.4)


def test_samples_lie_where_the_values_come_from() -> None:
    """On a map whose value is its own x, an average reads the mean x of its samples, less the half pixel."""
    ramp = tuple(tuple(float(x) for x in range(8)) for _ in range(8))
    reading = roi_readings(ramp, (1.3, 2.1, 6.1, 6.9)).readings[2]
    for q, (begin, end) in enumerate(reading.columns):
        inside = [x for _, x in reading.samples if begin < x < end]
        assert reading.values[0][q] == pytest.approx(sum(inside) / len(inside) - 0.5)


@pytest.fixture(scope="module")
def page() -> str:
    return render_roi_page(roi_readings())


def test_the_page_allows_only_its_own_scripts_and_styles(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    inline = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(inline) == 8
    assert all(csp_hash(text) in policy for text in inline)
    assert " style=" not in page
    assert not re.search(r"<(img|iframe|link(?! rel=\"icon\")|object)\b|url\(|@import|https?:", page)


def test_a_title_is_escaped() -> None:
    page = render_roi_page(roi_readings(), title="<script>alert(1)</script> & more")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script>alert" not in page


def test_the_page_is_the_same_each_time(page: str, tmp_path: Path) -> None:
    write_roi_page(tmp_path / "roi.html")
    assert (tmp_path / "roi.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_browser_it_asks_for_nothing_and_fits(browser, page: str, tmp_path: Path, theme: str) -> None:
    path = tmp_path / "roi.html"
    path.write_text(page, encoding="utf-8")
    found: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme, offline=True)
    tab = context.new_page()
    tab.on("console", lambda message: found.append(message.text))
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("request", lambda request: found.append(request.url) if request.url != path.as_uri() else None)
    tab.goto(path.as_uri())
    assert tab.locator("figure svg.roi").count() == 4
    assert tab.locator("figure circle.sample").count() == 2 * 16
    assert tab.locator("#shifts tbody tr").nth(1).locator("td").all_inner_texts() == [
        "−0.40", "+0.30", "+1.40", "+0.60", "1.40",
    ]  # fmt: skip
    assert tab.locator("#theme").inner_text() == ("Dark theme" if theme == "light" else "Light theme")
    first, second = (tab.locator("figure").nth(i).bounding_box() for i in range(2))
    assert first["y"] == second["y"], "side by side"
    for size in (1280, 400, 320):
        tab.set_viewport_size({"width": size, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    context.close()
    assert found == []
