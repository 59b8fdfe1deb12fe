from __future__ import annotations

import pytest

from tests.cli.command_line import TINY


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    return tmp_path
