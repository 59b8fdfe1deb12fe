"""The end of a worker whose parent has ended, by whatever it was killed."""

from __future__ import annotations

import os
import select
import signal
import threading
import time

from archlab.user_effects import end_process

GRACE = 5.0
"""Seconds that a process has to end in after it was asked to, before it is killed."""

LOOK = 1.0
"""Seconds between looks at who the parent is, for where something else holds the pipe open."""


class Lifeline(threading.Thread):
    """A thread that watches a pipe that only the parent holds open, and ends this process when it is cut.

    It asks for that as SIGTERM does, so that the trial is queued again, and after ``GRACE`` seconds it does not ask.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(name="lifeline", daemon=True)
        self._descriptor = descriptor
        self._parent = os.getppid()
        self.is_cut = False

    def run(self) -> None:
        """Watch the pipe until it is cut."""
        while os.getppid() == self._parent:
            readable, _, _ = select.select([self._descriptor], [], [], LOOK)
            if readable and not os.read(self._descriptor, 1):
                break
        self.is_cut = True
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        end_group()


def end_group() -> None:
    """End this process, and what it has started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    end_process(1)
