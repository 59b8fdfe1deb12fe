"""Pages that commands write: where they lie, what they link to, and that the browser gets them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archlab.cli import pages
from tests.cli.command_line import TINY, archlab
from tests.waiting import DEADLINE


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser that writes down what it is asked to open, into this file."""
    notes = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> "{notes}"\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setitem(os.environ, "BROWSER", f"{browser} %s")
    return notes


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "archlab", *args]
    return subprocess.run(command, capture_output=True, encoding="utf-8", cwd=cwd, timeout=DEADLINE, check=False)


def test_show_writes_a_page_and_opens_it(tmp_path: Path, opened: Path):
    (tmp_path / "tiny.arch").write_text(TINY)
    done = run("show", "tiny.arch", "--set", "body.block=conv", "--html", "tiny.html", "--open", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "params" in done.stdout
    assert "<h1>tiny</h1>" in (tmp_path / "tiny.html").read_text(encoding="utf-8")
    assert opened.read_text().split() == [(tmp_path / "tiny.html").as_uri()]


def test_a_page_that_is_only_opened_lies_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.setattr(pages.webbrowser, "open", lambda address: not asked.append(address))
    monkeypatch.setattr(pages.tempfile, "tempdir", str(tmp_path))
    pages.write_shown("<p>the page</p>", None, "tiny", True)
    (path,) = tmp_path.glob("archlab-*/tiny.html")
    assert asked == [path.as_uri()]
    assert path.read_text() == "<p>the page</p>"


def test_without_a_browser_the_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(pages.webbrowser, "open", lambda _: False)
    pages.write_shown("<p>the page</p>", tmp_path / "p.html", "tiny", True)
    assert f"no browser could be opened; the page is {tmp_path / 'p.html'}" in capsys.readouterr().err


def test_the_gallery_writes_the_page_that_it_links_to_where_there_is_none(tmp_path: Path):
    page, linked = pages.write_own_page("gallery", tmp_path / "networks.html", lambda name: None)
    assert linked == tmp_path / "blocks.html"
    assert 'href="blocks.html"' in page.read_text(encoding="utf-8")
    linked.write_text("mine")
    assert pages.write_own_page("gallery", page, lambda name: None) == (page,)
    assert linked.read_text() == "mine"


@pytest.mark.parametrize("name", ["roi", "blocks"])
def test_pages_of_their_own(tmp_path: Path, name: str):
    done = archlab("report", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{name}.html\n")
    assert (tmp_path / f"{name}.html").stat().st_size > 10_000
