"""A search whose disk fills up, or that is interrupted or killed, and the same command again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ROOT, archlab
from tests.waiting import DEADLINE, Gate, finish, succeed, until


def test_a_folder_that_cannot_be_written_to_is_exit_code_2(tiny):
    (tiny / "file").write_text("in the way", encoding="utf-8")
    done = archlab("search", "tiny.arch", "-o", "macs", "--out", "file/out", cwd=tiny)
    assert done.returncode == 2
    assert "archlab: cannot write file/out: not a directory" in done.stderr
    assert "--out" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 60 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
        timeout=DEADLINE,
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=DEADLINE)


def test_a_disk_that_fills_up_is_one_line_and_what_was_found_is_kept(tiny, small_disk):
    args = ("search", "tiny.arch", "-o", "macs", "--no-latency", "-n", 36, "--out", small_disk / "out")
    done = archlab(*args, cwd=tiny)
    assert done.returncode == 2
    assert "no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(small_disk.rglob(".*.html.*")), "no half-written file is left"
    # With room again, the same command goes on.
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True, timeout=DEADLINE)
    done = archlab(*args, cwd=tiny)
    assert done.returncode == 0, done.stderr
    result = json.loads((small_disk / "out" / "result.json").read_text(encoding="utf-8"))
    digests = [t["digest"] for t in result["trials"] if t["state"] == "scored"]
    assert len(digests) == len(set(digests)) == 36, "also the one that was running when the disk filled"


@pytest.fixture
def gate(tiny):
    """Where the evaluations of ``start_search`` wait."""
    return Gate(tiny)


def start_search(folder: Path) -> subprocess.Popen[str]:
    """Begin a search of 14 evaluations, each of which leaves its network's digest at the gate."""
    (folder / "mine.py").write_text(
        textwrap.dedent(f"""\
            import pathlib, sys

            sys.path.insert(0, {str(ROOT)!r})
            from tests.waiting import Gate

            def value(module, candidate, trial):
                Gate(pathlib.Path()).enter(candidate.graph.digest)
                return float(candidate.cost["params"])
            """),
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "archlab",
        "search",
        "tiny.arch",
        "-o",
        "mine.py:value",
        "--no-latency",
        "-n",
        "14",
    ]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT
    )


def test_ctrl_c_ends_with_the_report_of_what_there_is_and_the_same_command_goes_on(tiny, gate):
    gate.close(at=5)
    process = start_search(tiny)
    until(lambda: len(gate.begun()) == 5, process)
    process.send_signal(signal.SIGINT)
    out, err = finish(process)
    assert process.returncode == 130
    assert "interrupted by the user; the same command resumes it" in err
    assert "Traceback" not in err
    assert "best of tiny" in out
    folder = tiny / "out" / "tiny"
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    scored_before = [t for t in result["trials"] if t["state"] == "scored"]
    assert [t["digest"] for t in scored_before] == gate.begun()[:4]
    assert (folder / "report.html").exists()

    gate.open()
    succeed(start_search(tiny))
    resumed = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    scored = [t for t in resumed["trials"] if t["state"] == "scored"]
    assert len(scored) == 14
    assert scored[:4] == scored_before


def test_kill_9_loses_at_most_the_running_trial(tiny, gate):
    gate.close(at=6)
    process = start_search(tiny)
    until(lambda: len(gate.begun()) == 6, process)
    process.kill()
    process.communicate()
    gate.open()
    succeed(start_search(tiny))
    result = json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))
    scored = [t["digest"] for t in result["trials"] if t["state"] == "scored"]
    assert len(scored) == len(set(scored)) == 14
    assert set(gate.begun()) == set(scored)
    assert len(gate.begun()) == 14 + 1, "only what was running when it was killed is run again"
