"""Every command, program and text of the README is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import archlab
from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = "\n".join(body for kind, _, body in BLOCKS if kind == "sh").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the README shows."""
    path = tmp_path_factory.mktemp("readme")
    for _, name, body in BLOCKS:
        if name:
            (path / name).write_text(body, encoding="utf-8")
    return path


def run(command: list[str], cwd: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_page(folder):
    ran = [command for command in commands() if command.startswith("archlab ")]
    assert len(ran) >= 9
    for command in ran:
        run(["bash", "-c", command], folder)
    assert (folder / "my.html").exists()


@pytest.mark.slow
def test_make_search_searches_and_says_where_the_report_is(tmp_path):
    assert "make search" in commands()
    if not (ROOT / ".venv" / ".installed").exists():
        pytest.skip("the clone has not been set up with make: run `make setup`")
    out = run(["make", "search", "TRIALS=3", f"OUT={tmp_path / 'out'}"], ROOT)
    assert f"{tmp_path / 'out'}/report.html" in out
    assert "3 scored" in out
    assert "pip install" not in out, "a second run installs nothing"


def test_make_test_is_every_check_and_what_ci_runs():
    assert "make test" in commands()
    ran_by_ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make test", "make docs"} <= set(ran_by_ci)
    dry = run(["make", "--dry-run", "test"], ROOT)
    for check in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"):
        assert check in dry


@pytest.mark.parametrize("body", [body for kind, _, body in BLOCKS if kind == "arch"])
def test_every_architecture_elaborates(body):
    assert archlab.cost(archlab.elaborate(archlab.parse(body))).macs > 0


def test_the_page_says_what_the_first_network_costs():
    first = next(body for kind, _, body in BLOCKS if kind == "arch")
    total = archlab.cost(archlab.elaborate(archlab.parse(first)))
    assert f"{total.params:,} parameters and {total.macs:,} MACs" in README


def test_the_error_on_the_page_is_the_one_that_is_raised():
    shown = next(body for kind, _, body in BLOCKS if kind == "text")
    text = "net my(input=3x96x96)\nstem: conv(32, 3, s=2)\nbody: each([2..4], group(100, g=32))\nhead: gap -> fc(10)\n"
    with pytest.raises(archlab.ElaborationError) as error:
        archlab.elaborate(archlab.parse(text, "my.arch"))
    assert str(error.value) == shown.rstrip("\n")


@pytest.mark.slow
def test_the_python_examples_run(folder):
    programs = [body for kind, name, body in BLOCKS if kind == "python" and not name]
    printed = "".join(run([sys.executable, "-W", "ignore", "-c", body], folder) for body in programs)
    assert "macs=4089184256" in printed
    assert "True" in printed
    assert "torch.Size([2, 256, 7, 7])" in printed
