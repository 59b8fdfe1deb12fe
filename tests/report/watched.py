"""A page in the browser, and what must hold of every page: silent, offline, accessible, no wider than the screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lacking import lacking
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE, NARROW = (1440, 900), (390, 844)
"""The sizes of a screen and of a telephone, in pixels."""

Open = Callable[..., "Page"]
"""Opens a report, as the fixture ``open_report`` gives it."""


@contextmanager
def watched(browser: Browser, path: Path, width: int = 1440, theme: str = "light") -> Iterator[Page]:
    """Open the page; afterwards fail where it said anything, or asked for anything but itself."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, offline=True)
    page = context.new_page()
    page.set_default_timeout(1000 * DEADLINE)
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []


def open_everything(page: Page, most: int = 40) -> None:
    """Open all that is folded; of a page with more than ``most`` such parts, which are of one kind, the first ones."""
    page.evaluate(
        "(n) => [...document.querySelectorAll('details:not([hidden])')].slice(0, n).forEach((d) => { d.open = true; })",
        most,
    )


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert isinstance(width, int)
    return width


def smallest_letters(page: Page) -> float:
    """Return the height in pixels of the smallest word of three letters or more in a drawing; without any, infinity."""
    words = "[...document.querySelectorAll('svg text')].filter((e) => e.textContent.length > 2)"
    boxes = page.evaluate(
        f"{words}.map((e) => e.getBoundingClientRect()).filter((b) => b.width).map((b) => [b.width, b.height])"
    )
    return min((min(box) for box in boxes), default=math.inf)


def violations(page: Page) -> list[str]:
    """Return what axe finds, each with the first element that it is about."""
    page.evaluate(_axe())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]} ({len(v['nodes'])})" for v in found["violations"]]


@cache
def _axe() -> str:
    try:
        import axe_playwright_python
    except ImportError:
        lacking("axe-playwright-python is not installed")
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
