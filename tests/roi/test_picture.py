"""The gallery's page: its numbers are the operators', its HTML is complete, offline and escaped."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from archlab.roi.picture import main, render, roi_picture


def test_numbers_of_the_textbook_box() -> None:
    partition, caffe, average, largest = roi_picture(box=(0.0, 3.0, 7.0, 8.0)).panels
    assert partition.values == ((0.85, 0.84), (0.97, 0.96))
    assert partition.columns == ((0, 3), (3, 7))
    assert partition.rows == ((3, 5), (5, 8))
    assert caffe.values == ((0.85, 0.96), (0.97, 0.91))
    # The last pixel is included: column 7 and row 8, one beyond the box.
    assert caffe.moved == (0, 0, 1, 1)
    assert average.furthest == largest.furthest == 0
    assert len(average.samples) == 16
    assert average.samples[0] == (3.625, 0.875)


def test_roundings_move_the_box() -> None:
    partition, caffe, *_ = roi_picture(box=(0.4, 2.7, 6.6, 7.4)).panels
    assert partition.moved == pytest.approx((-0.4, 0.3, 0.4, -0.4))
    assert caffe.moved == pytest.approx((-0.4, 0.3, 1.4, 0.6))
    assert caffe.furthest == pytest.approx(1.4)


def test_samples_lie_where_the_values_come_from() -> None:
    """On a map whose value is its own x, an average reads the mean x of its samples, less the half pixel."""
    ramp = tuple(tuple(float(x) for x in range(8)) for _ in range(8))
    panel = roi_picture(ramp, (1.3, 2.1, 6.1, 6.9)).panels[2]
    for q, (begin, end) in enumerate(panel.columns):
        inside = [x for _, x in panel.samples if begin < x < end]
        assert panel.values[0][q] == pytest.approx(sum(inside) / len(inside) - 0.5)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_offline_and_escaped(tmp_path: Path) -> None:
    page = render(roi_picture(), title="<script>alert(1)</script> & more")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    for outside in ("<script", "http://", "https://", "url(", "@import", "<link", "<img"):
        assert outside not in page
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.seen.count("svg") == 4
    assert tags.seen.count("circle") == 2 * 16
    out = tmp_path / "roi.html"
    assert main([str(out)]) == 0
    assert out.read_text(encoding="utf-8") == render(roi_picture())
    assert main([]) == 2
