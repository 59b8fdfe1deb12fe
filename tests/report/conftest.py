"""Opening a search's report in the browser, and that it says and asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archlab.report.search_page import write_report
from archlab.search.result import SearchResult
from tests.report.watched import WIDE, Open
from tests.waiting import DEADLINE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; when the test ends, it fails on any error, message or request of the page."""
    said: list[str] = []
    contexts = []

    def visit(result: SearchResult, size: tuple[int, int] = WIDE, javascript: bool = True, **options: str) -> Page:
        path = tmp_path / "report.html"
        write_report(result, path)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=javascript, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * DEADLINE)
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on(
            "request", lambda request: said.append(request.url) if request.url.split("#")[0] != path.as_uri() else None
        )
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []
