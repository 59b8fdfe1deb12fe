"""Each picture on a page is made by ``python -m tools.pictures``, from a command that there is."""

from __future__ import annotations

import re
import struct

import pytest

from tests.pages import ROOT, page
from tests.test_docs_commands import PAGES, parse_only
from tools.pictures import PICTURES, make_page, photograph


def test_the_pictures_of_the_pages_are_those_that_the_tool_makes():
    shown = {found for name in PAGES for found in re.findall(r"!\[[^\]]*\]\((?:docs/)?([^)]+)\)", page(name))}
    there = {path.name for path in (ROOT / "docs").iterdir() if path.suffix != ".md"}
    assert shown == there == {f"{name}.png" for name in PICTURES}


@pytest.mark.parametrize("name", PICTURES)
def test_a_pictures_command_has_options_that_there_are(name):
    parse_only(PICTURES[name].command)


def test_the_first_picture_is_of_what_make_search_searches():
    made = (ROOT / "Makefile").read_text(encoding="utf-8").split("$(BIN)/archlab search ")[1].splitlines()[0]
    said = made.replace("$(TRIALS)", "60").replace("$(OUT)", "out/mobile")
    assert PICTURES["report"].command == f"archlab search {said}"


@pytest.mark.slow
def test_the_gallery_is_pictured_as_it_is_in_docs(chromium, tmp_path):
    picture = PICTURES["gallery"]
    photograph(make_page(picture, tmp_path), picture, tmp_path / "made.png")
    (width, height), (known_width, known_height) = (
        struct.unpack(">II", path.read_bytes()[16:24]) for path in (tmp_path / "made.png", ROOT / "docs/gallery.png")
    )
    assert width == pytest.approx(known_width, rel=0.1)  # how wide and high letters are depends on the machine's fonts
    assert height == pytest.approx(known_height, rel=0.1)
