"""docs/README.md leads to every page."""

from __future__ import annotations

import re

from tests.pages import ROOT, page


def test_the_index_names_every_page():
    linked = set(re.findall(r"\]\(([\w.]+\.md)", page("docs/README.md")))
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
