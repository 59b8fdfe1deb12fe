"""docs/architecture.md shows the layers as the import contracts have them, and every room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.layers import picture, read_contracts, with_picture

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_picture_is_what_the_command_prints():
    assert with_picture(PAGE) == PAGE, "run `make layers`"


def test_the_picture_of_all_contracts_names_each_container():
    shown = picture(read_contracts()).splitlines()
    for contract in read_contracts():
        if contract["type"] == "layers":
            assert ", ".join(contract["containers"]) in shown


def test_each_room_has_a_row():
    rooms = {path.parent.name for path in (ROOT / "archlab").glob("*/__init__.py")}
    assert rooms == {room for room in rooms if f"| `archlab/{room}/` | " in PAGE}


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="needs the marks"):
        with_picture("a page\n")
