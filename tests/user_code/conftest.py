from __future__ import annotations

import sys
import textwrap

import pytest


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into the current folder, an empty one, as in a process that has imported nothing like them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    for name in ("helpers", "late", "nets", "nets.helpers", "sub", "top", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path

    return write
