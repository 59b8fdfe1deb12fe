"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlab.errors import InputError
from archlab.files import write_atomic


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    write_atomic(path, "new ×")
    assert path.read_text(encoding="utf-8") == "new ×"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/a.txt", "no such file or directory"),
        (".", "is a directory"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: str, message: str):
    target = tmp_path / name if name != "." else tmp_path
    with pytest.raises(InputError, match=message) as error:
        write_atomic(target, "text")
    assert error.value.hint
    assert list(tmp_path.iterdir()) == []
    assert [path for path in tmp_path.parent.iterdir() if path.suffix == ".tmp"] == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="no space left on device") as error:
        write_atomic(path, "new")
    assert "free some space" in str(error.value)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
