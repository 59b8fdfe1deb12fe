"""How tests wait: on what happens, for as long as it takes. No test measures the time of the wall.

``Gate`` is also what objectives wait at, in the processes of the searches under test.
"""

from __future__ import annotations

import fcntl
import math
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE = 1200
"""Seconds after which something hangs. Nothing takes a tenth of it, on a busy machine either."""

NOTICE = "archlab: interrupted: ends as soon as what runs lets it; Ctrl-C again ends it at once\n"


def without_notice(err: str) -> str:
    """Return what a command said besides that it takes its time to end, which depends on the machine."""
    return err.replace(NOTICE, "", 1)


def until(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until ``condition`` holds; fail where ``process``, which is to bring it about, ends before."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert process is None or process.poll() is None or condition(), process.communicate()
        assert time.monotonic() < deadline, "it hangs"
        time.sleep(0.02)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of ``process`` and return its standard output and error; kill it where it hangs."""
    try:
        return process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def succeed(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of ``process`` as ``finish`` does, and fail where its exit code is not 0."""
    out, err = finish(process)
    assert process.returncode == 0, err
    return out, err


class Gate:
    """Where the calls of an objective wait, in any process, while a test wants a search to be where it is.

    Each call leaves a line in ``begun`` as it comes to the gate.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._begun = folder / "gate.txt", folder / "begun.txt"

    def close(self, at: int) -> None:
        """Let the calls before number ``at`` pass, and no other; the first is number 1."""
        new = self._file.with_suffix(".new")
        new.write_text(str(at), encoding="utf-8")
        new.replace(self._file)

    def open(self) -> None:
        """Let all calls pass."""
        self._file.unlink()

    def enter(self, word: object) -> None:
        """Wait here, in an objective, until the gate lets it pass; ``word`` is its line in ``begun``."""
        with self._begun.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{word}\n")
            file.flush()
            number = len(self.begun())
        until(lambda: number < self._limit())

    def begun(self) -> list[str]:
        """The words of the calls that have come, in order."""
        return self._begun.read_text(encoding="utf-8").splitlines() if self._begun.exists() else []

    def _limit(self) -> float:
        try:
            return int(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return math.inf


class Clock:
    """A clock that only the test moves, to stand for the module ``time`` in a module under test."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self.now

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` go by."""
        self.now += seconds
