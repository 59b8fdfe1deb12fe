"""Commands that are interrupted, by a terminal or by a system that ends a job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from archlab.cli.interrupts import interrupts
from tests.cli.command_line import ENVIRONMENT, ROOT, TINY
from tests.waiting import DEADLINE, NOTICE, Gate, finish, until, without_notice


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_ends_with_a_line_and_the_signals_code(capsys, number, code):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as left, interrupts():
        signal.raise_signal(number)
    assert left.value.code == code
    assert capsys.readouterr().err == "archlab: interrupted\n"
    assert signal.getsignal(number) is before


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        textwrap.dedent(f"""\
            import os, pathlib, sys

            sys.path.insert(0, {str(ROOT)!r})
            from tests.waiting import Gate

            def value(module, candidate, trial):
                Gate(pathlib.Path()).enter(os.getpid())
                return float(candidate.cost["params"])

            def deaf(module, candidate, trial):
                while True:
                    try:
                        Gate(pathlib.Path()).enter(os.getpid())
                    except KeyboardInterrupt:
                        pathlib.Path("interrupted").touch()
            """),
        encoding="utf-8",
    )
    return tmp_path


def begin(folder, *args):
    command = [sys.executable, "-m", "archlab", *map(str, args)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT
    )


def test_sigterm_ends_a_search_with_143_after_it_has_written_what_there_is(folder):
    gate = Gate(folder)
    gate.close(at=3)
    process = begin(folder, "search", "tiny.arch", "-o", "mine.py:value", "--no-latency", "-n", 9, "--quiet")
    until(lambda: len(gate.begun()) == 3, process)
    process.send_signal(signal.SIGTERM)
    out, err = finish(process)
    assert process.returncode == 143
    assert "best of tiny" in out
    assert without_notice(err) == "archlab: ended early: interrupted by the user; the same command resumes it\n"
    assert (folder / "out" / "tiny" / "result.json").exists()
    assert (folder / "out" / "tiny" / "report.html").exists()


def test_a_second_ctrl_c_ends_at_once_whatever_the_objective_does(folder):
    gate = Gate(folder)
    gate.close(at=1)
    process = begin(folder, "search", "tiny.arch", "-o", "mine.py:deaf", "--no-latency", "-n", 9, "--quiet")
    until(gate.begun, process)
    process.send_signal(signal.SIGINT)
    until((folder / "interrupted").exists, process)
    assert process.stderr.readline() == NOTICE
    process.send_signal(signal.SIGINT)
    out, err = finish(process)
    assert (process.returncode, out, err) == (130, "", "")


def test_what_closes_every_file_is_interrupted_nevertheless():
    """In a process of its own, since the test's files are among those that are closed."""
    code = (
        "import os, signal\n"
        "from archlab.cli.interrupts import interrupts\n"
        "with interrupts():\n"
        "    os.closerange(3, 100)\n"
        "    signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=ENVIRONMENT, timeout=DEADLINE
    )
    assert (done.returncode, done.stderr) == (130, "archlab: interrupted\n")


def test_a_calibration_that_is_interrupted_is_not_fitted_to_half_of_its_networks(folder):
    gate = Gate(folder)
    gate.close(at=12)
    process = begin(folder, "calibrate", "tiny.arch", "-o", "mine.py:value", "-n", 20, "--out", "fitted.json", "-q")
    until(lambda: len(gate.begun()) == 12, process)
    process.send_signal(signal.SIGTERM)
    out, err = finish(process)
    assert (process.returncode, out, without_notice(err)) == (143, "", "archlab: interrupted\n")
    assert not (folder / "fitted.json").exists()
    assert os.listdir(folder / "fitted")
