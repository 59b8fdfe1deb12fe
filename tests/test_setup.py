"""Setting up says at once what it does and how far it is; CI installs what the tests need."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lacking import lacking
from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def installer():
    spec = importlib.util.spec_from_file_location("install", ROOT / ".ci" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_news_of_pip_are_printed_and_its_exit_code_is_kept(installer, capfd):
    lines = (
        "  Installing build dependencies: started",
        "  Installing build dependencies: finished with status 'done'",
        "Collecting torch>=2.6 (from archlab==0.1.0)",
        "  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (554.6 MB)",
        "  Preparing metadata (pyproject.toml): started",
        "Processing /where/it/lies/rich-15.0.0-py3-none-any.whl (from archlab==0.1.0)",
        "Installing collected packages: torch, rich",
    )
    program = f"import sys\nprint({chr(10).join(lines)!r})\nprint('what went wrong', file=sys.stderr)\nsys.exit(3)"
    assert installer.install([sys.executable, "-c", program]) == 3
    out, err = capfd.readouterr()
    assert out == "", "standard output is for what was asked for"
    assert [line.strip() for line in err.splitlines() if line.startswith("  ")] == [
        "Installing build dependencies",
        "Collecting torch>=2.6",
        "Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (554.6 MB)",
        "Processing rich-15.0.0-py3-none-any.whl",
        "Installing collected packages",
    ]
    assert "what went wrong" in err


def test_while_pip_is_silent_packages_are_counted(installer, capfd, tmp_path):
    """The command ends when it finds that it was counted beside it."""
    program = (
        "import sys, pathlib\nprint('Collecting torch', flush=True)\nwhile not pathlib.Path(sys.argv[1]).exists(): pass"
    )
    counted, in_place = tmp_path / "counted", installer._in_place

    def count():
        counted.touch()
        return in_place()

    installer._in_place = count
    assert installer.install([sys.executable, "-c", program, str(counted)], every=0.01) == 0
    err = capfd.readouterr().err
    (first, *_) = [line for line in err.splitlines() if "packages in place" in line]
    assert re.fullmatch(r"  \d+ s, \d+ of about \d\d+ packages in place: (starting pip|Collecting torch)", first)


def test_make_says_what_it_does_before_it_begins(tmp_path):
    """In a copy without an environment: what comes first is no program's output, but what will happen."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    dry = subprocess.run(
        ["make", "--dry-run", "setup"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=DEADLINE,
    )
    assert dry.stdout.index("setting up") < dry.stdout.index("-m venv") < dry.stdout.index(".ci/install.py")
    assert "--quiet" not in dry.stdout


@pytest.fixture
def bare(tmp_path):
    """A machine, as far as a shell sees it, without the programs in question; it notes what it is asked to run."""
    (tmp_path / ".ci").mkdir()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace("/usr/lib/postgresql", str(tmp_path / "none"))
    (tmp_path / ".ci" / "run").write_text(script, encoding="utf-8")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("apt-get", "make"):
        (programs / name).write_text('#!/bin/sh\necho "$(basename "$0") $* CI=$CI"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    for name in ("sh", "bash", "dirname", "basename"):
        (programs / name).symlink_to(shutil.which(name))
    return tmp_path


def test_ci_installs_a_browser_a_server_and_a_compiler_and_no_test_is_skipped_for_lack_of_them(bare):
    done = subprocess.run(
        [bare / "programs" / "bash", bare / ".ci" / "run"],
        env={"PATH": str(bare / "programs")},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=DEADLINE,
    )
    update, install, test, docs = [line for line in done.stdout.splitlines() if "CI=" in line]
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install")
    assert {"chromium", "postgresql", "iproute2", "g++"} <= set(install.split())
    assert (test, docs) == ("make test CI=true", "make docs CI=true")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_lacking_fails_in_ci_and_is_skipped_elsewhere(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no browser"):
        lacking("no browser")
