"""Numbers in pages: the script writes them as archlab.units does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archlab import units
from archlab.resources import folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

VALUES = (0, 0.001, -0.004, 0.125, -0.375, 0.3825, 1.005, -2.5, 12.5, 0.5, 38.25, -38.35, 100, 1e6 + 1 / 3)
COUNTS = (0, 999, 1000, 999_950, 999_499, 9_999_600, 25_557_032, 4_089_184_256, 3 * 10**12)
SECONDS = (0.000_123_4, 0.0253, 0.9999, 1.0, 12.345, 59.94)


@pytest.fixture(scope="module")
def page(browser) -> Page:
    page = browser.new_page()
    page.add_script_tag(content=(folder("reports") / "static" / "formats.js").read_text(encoding="utf-8"))
    return page


def said(page: Page, call: str, values: tuple[float, ...]) -> list[str]:
    found = page.evaluate(f"(values) => values.map((value) => {call})", list(values))
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("digits", [0, 1, 2, 3])
def test_digits_signs_and_percent(page: Page, digits: int):
    assert said(page, f"formats.fixed(value, {digits})", VALUES) == [units.format_fixed(v, digits) for v in VALUES]
    assert said(page, f"formats.signed(value, {digits})", VALUES) == [units.format_signed(v, digits) for v in VALUES]
    assert said(page, f"formats.percent(value, {digits})", VALUES) == [units.format_percent(v, digits) for v in VALUES]


def test_counts_bytes_and_seconds(page: Page):
    assert said(page, "formats.count(value)", COUNTS) == [units.format_count(value) for value in COUNTS]
    assert said(page, "formats.bytes(value)", COUNTS) == [units.format_bytes(value) for value in COUNTS]
    assert said(page, "formats.seconds(value)", SECONDS) == [units.format_seconds(value) for value in SECONDS]
    grouped = said(page, "formats.grouped(value)", COUNTS)
    assert grouped == [f"{value:,}" for value in COUNTS]


def test_no_page_or_table_writes_percent_in_a_way_of_its_own():
    """A share is written by ``format_percent`` alone: Python's own format has no space before the sign."""
    package = Path(units.__file__).parent
    own = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(f".{digits}%}}" in line for digits in range(4))
    ]
    assert own == []
