"""docs/api.md lists the public names, all of them and no others."""

from __future__ import annotations

import re
from pathlib import Path

import archlab

PAGE = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_table_lists_every_public_name_once():
    cells = [line.split(" | ")[1] for line in PAGE.splitlines() if line.startswith("| ") and "names" not in line]
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted(archlab.__all__)
