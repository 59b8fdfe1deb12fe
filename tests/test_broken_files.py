"""Every kind of broken file, given to its command: one message, exit code 2, no output, no file left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlab.cli.ending import run
from archlab.cli.main import cli
from tests.broken_files import TABLE, TINY, Broken


def test_the_table_has_every_kind():
    kinds = {row.what.partition(":")[0] for row in TABLE}
    assert len(TABLE) >= 100
    assert len({row.what for row in TABLE}) == len(TABLE)
    assert kinds == {
        "pyproject.toml", "input spec", "calibration", "calibration CSV", "COCO", "data folder", "result",
        "block strings", "text",
    }  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)
def test_a_broken_file_is_one_message(
    row: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.arch").write_bytes(TINY)
    for image in ("a.png", "b.png") if row.file == "train.json" else ():
        (tmp_path / image).touch()
    file = tmp_path / row.file
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(row.content)
    before = sorted(tmp_path.rglob("*"))
    code = run(cli, row.command)
    out, err = capsys.readouterr()
    assert err.replace(f"{tmp_path}/", "") == f"archlab: {row.message}\n"
    assert (code, out) == (2, "")
    assert sorted(tmp_path.rglob("*")) == before
