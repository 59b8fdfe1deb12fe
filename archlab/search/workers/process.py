"""A worker as the process sees it that has started it: what it says, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from archlab.errors import InputError
from archlab.search.workers.channel import Answers, Task, write_task
from archlab.search.workers.lifeline import GRACE

FAREWELL = 30.0
"""Seconds that a worker has for what its objective does at the exit, after it has said that it is done."""


class WorkerDiedError(Exception):
    """A worker ended without saying that it is done."""


class Worker:
    """A process that carries out a task.

    Attributes:
        evaluating: the number of the trial that it evaluates; None between evaluations.
        since: when that began.
        evaluated: how many evaluations have ended in it.
    """

    def __init__(self, task: Task, environment: Mapping[str, str]) -> None:
        self.evaluating: int | None = None
        self.since = 0.0
        self.evaluated = 0
        self._said: dict[str, str | None] = {}
        task_pipe, self._lifeline = os.pipe()
        answers, theirs = os.pipe()
        # -P: without it a file of the current folder, such as queue.py, would stand for Python's module of its name.
        command = [sys.executable, "-P", "-m", "archlab.search.workers.supervised", str(task_pipe), str(theirs)]
        # A group of its own, so that what its objective starts ends with it.
        self._process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=(task_pipe, theirs),
            stdin=subprocess.DEVNULL,
            stdout=_stderr(),
            process_group=0,
        )
        for descriptor in (task_pipe, theirs):
            os.close(descriptor)
        self._answers = Answers(answers)
        with contextlib.suppress(BrokenPipeError):
            write_task(self._lifeline, task)

    def listen(self, now: float) -> bool:
        """Take in what it has said by ``now``; return whether it has ended."""
        ended = self._process.poll() is not None
        for what, value in self._answers.new():
            if what == "evaluating":
                self.evaluated += self.evaluating is not None
                self.evaluating, self.since = value, now
            self._said[what] = value
        return ended or "done" in self._said

    def outcome(self) -> str | None:
        """Return why it ended early, as it reports; None where the stage is done.

        Raises:
            InputError: it was refused, or says that the search is to stop.
            WorkerDiedError: it ended without an answer.
        """
        if "done" in self._said:
            self._close()
            return self._said["done"]
        self.end()
        if "refused" in self._said:
            raise InputError(str(self._said["refused"]))
        if "crashed" in self._said:
            raise RuntimeError(f"a worker met a fault of archlab's:\n{self._said['crashed']}")
        code = self._process.returncode
        if code > 0 and not self._said:
            raise InputError(f"a worker ended with exit code {code} before it began", hint="its message is above")
        raise WorkerDiedError(
            f"killed by signal {-code}" if code < 0 else f"ended by its objective with exit code {code} and no answer"
        )

    def ask_to_end(self) -> None:
        """Ask it to end, and what it has started."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it, and what it has started: ask first, and then kill."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._signal(signal.SIGKILL)
        self._close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(self._process.pid, number)

    def _close(self) -> None:
        """Wait for its end."""
        try:
            self._process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._answers.close()
        self._lifeline = -1


def _stderr() -> int:
    """Return where what a worker prints goes: results are its parent's alone."""
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
