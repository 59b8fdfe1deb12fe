"""Compiling the C kernels: once, into the user's own cache; and what happens where that cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from archlab.roi import native_library as library
from archlab.roi import roi_align

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")
X, BOX = torch.arange(16.0).view(1, 1, 4, 4), torch.tensor([[0, 0.0, 0, 2, 2]])


@pytest.fixture(autouse=True)
def _fresh():
    library.native_library.cache_clear()
    yield
    library.native_library.cache_clear()


@needs_compiler
def test_compiled_once_for_this_compiler_and_processor(tmp_path: Path) -> None:
    assert COMPILER is not None
    first = library._compiled(COMPILER, tmp_path)
    before = first.stat().st_mtime_ns
    assert library._compiled(COMPILER, tmp_path) == first
    assert first.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_without_a_compiler_tensor_code_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert library.native_library() is None
    assert roi_align(X, BOX, 1, 1.0, 1, True).item() == 2.5


@needs_compiler
def test_a_folder_that_cannot_be_made_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert library.native_library() is None
    assert roi_align(X, BOX, 1, 1.0, 1, True).item() == 2.5


@needs_compiler
def test_a_compiler_that_fails_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert library.native_library() is None
    assert not list((tmp_path / "cache").rglob("*.so"))
