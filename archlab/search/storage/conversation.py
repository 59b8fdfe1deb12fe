"""Asking a server in a way that can be interrupted at any moment, whatever it or the network does.

A driver's own waiting cannot: looking up a host's name is one call of the system, and a driver that is interrupted
within a statement waits until the server has cancelled it. So operations run in threads, which nobody has to wait for.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from archlab.search.storage.interrupts import Interrupt
from archlab.search.storage.server_limits import Connections, ServerLimits

LOOK = 0.05
"""Seconds between looks at the time and at interrupts while a server is waited for."""


class StorageLeftError(KeyboardInterrupt):
    """The search was interrupted and its server does not answer, so that nothing can be written to it any more."""


class Answer:
    """What an operation has returned or raised, once it has."""

    def __init__(self, operation: Callable[[], Any]) -> None:
        self._operation = operation
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def find(self) -> None:
        """Carry out the operation."""
        try:
            self._result = self._operation()
        except BaseException as error:
            self._error = error
        self._done.set()

    def is_there(self, seconds: float = 0) -> bool:
        """Return whether the operation is done, at most ``seconds`` later."""
        return self._done.wait(seconds)

    def read(self) -> Any:
        """Return the result, or raise the operation's error."""
        if self._error is not None:
            raise self._error
        return self._result


class OperationThread(threading.Thread):
    """A thread that carries out one operation after the other. The process does not wait for its end."""

    def __init__(self) -> None:
        super().__init__(name="storage", daemon=True)
        self._asked: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.start()

    def ask(self, operation: Callable[[], Any]) -> Answer:
        """Have an operation carried out."""
        answer = Answer(operation)
        self._asked.put(answer)
        return answer

    def run(self) -> None:
        while True:
            self._asked.get().find()


class Conversation:
    """Operations on one server, each waited for with a word to the user where it is silent.

    Once the user has interrupted the search, all operations together get the limits' farewell. What is then not
    answered is left, for good: the server takes the connection for dead, and undoes what was not committed.

    Args:
        say: called with what the server does: "has not answered for 5 s: waiting for it".
    """

    def __init__(
        self, connections: Connections, limits: ServerLimits, interrupt: Interrupt, say: Callable[[str], None]
    ) -> None:
        self._connections, self._limits, self._interrupt, self._say = connections, limits, interrupt, say
        self._idle: list[OperationThread] = []
        self._farewell = limits.farewell
        self._lock = threading.Lock()
        self._trouble = self.is_left = False

    @property
    def is_interrupted(self) -> bool:
        """Whether the user has interrupted the search."""
        return self._interrupt.noticed

    def ask(self, operation: Callable[[], Any]) -> Any:
        """Return what ``operation`` returns, or raise what it raises.

        Raises:
            KeyboardInterrupt: the user did. By then the operation is done, or the server is left.
            StorageLeftError: the server is left, now or before.
        """
        if self.is_left:
            raise StorageLeftError
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = OperationThread()
        answer = thread.ask(operation)
        try:
            try:
                self._wait(answer)
            except KeyboardInterrupt:
                self._interrupt.noticed = True
                self._wait(answer)
                raise
        finally:
            if answer.is_there():
                self._idle.append(thread)
            else:
                self.leave()
        return answer.read()

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt.

        Raises:
            StorageLeftError: the user has interrupted the search, and will not wait for a server that is away.
        """
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until and not self._interrupt.noticed:
                time.sleep(min(LOOK, seconds))
        except KeyboardInterrupt:
            self._interrupt.noticed = True
        if self._interrupt.noticed:
            self.leave()
            raise StorageLeftError

    def trouble(self, words: str) -> None:
        """Tell the user, once, that the server does not do what it should."""
        with self._lock:
            if not self._trouble:
                self._trouble = True
                self._say(words)

    def well(self) -> None:
        """Tell the user, where there was trouble, that it is over."""
        with self._lock:
            if self._trouble:
                self._trouble = False
                self._say("answers again: going on")

    def leave(self) -> None:
        """Ask the server nothing more, and cut the connections."""
        with self._lock:
            if self.is_left:
                return
            self.is_left = True
        self._say("does not answer: what it was not told is judged again when the search is resumed")
        self._connections.cut()

    def _wait(self, answer: Answer) -> None:
        began = before = time.monotonic()
        while not answer.is_there(LOOK):
            now = time.monotonic()
            if self._interrupt.noticed:
                self._farewell -= now - before
                if self._farewell <= 0:
                    raise StorageLeftError
            elif now - began >= self._limits.answer:
                self._connections.cut()
                began = now
            elif now - began >= self._limits.silence:
                self.trouble(f"has not answered for {self._limits.silence:g} s: waiting for it")
            before = now
