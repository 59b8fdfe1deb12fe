"""The wheel, built and used: what a user gets has the shipped spaces and report templates inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation, so that nothing is fetched: the build backend is a dependency of development.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_shipped_space_template_and_grammar(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"archlab/{path.relative_to(ROOT)}" for path in (ROOT / "search_spaces").glob("*.arch")}
    for folder in ("templates", "static"):
        wanted |= {f"archlab/{p.relative_to(ROOT)}" for p in (ROOT / "reports" / folder).iterdir() if p.is_file()}
    wanted |= {"archlab/grammar/grammar.lark", "archlab/grammar/blocks.arch", "archlab/py.typed"}
    assert len(wanted) > 10
    assert wanted <= inside
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in inside)


def test_the_installed_wheel_works_in_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, timeout=DEADLINE)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*args: str) -> str:
        command = [sys.executable, *args]
        done = subprocess.run(
            command, cwd=empty, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert Path(run("-c", "import archlab; print(archlab.__file__)").strip()).is_relative_to(site)
    shown = json.loads(run(str(site / "bin" / "archlab"), "show", "xception", "--json"))
    assert (shown["params"], shown["macs"]) == (22_855_952, 8_357_403_496)
    shipped = {path.stem for path in (ROOT / "search_spaces").glob("*.arch")}
    assert {row["name"] for row in json.loads(run("-m", "archlab", "spaces", "--json"))} == shipped
    run("-m", "archlab", "search", "mobile", "-o", "macs", "-n", "2", "--no-latency")
    assert (empty / "out" / "mobile" / "report.html").stat().st_size > 0
