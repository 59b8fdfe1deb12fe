"""A network between a search and its server, which a test can stall, cut, close or slow down."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


def _end(line):
    """End a connection, also while a thread waits for it, which closing alone does not."""
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


@contextlib.contextmanager
def _ended(line):
    try:
        yield
    finally:
        _end(line)


class Proxy:
    """Forwards connections on a port of its own to a server's.

    Attributes:
        port: where it listens.
        connections: how many it has taken.
        stalled: set once nothing moves.
    """

    def __init__(self, server_port):
        self._server = ("127.0.0.1", server_port)
        self._flow, self.stalled = threading.Event(), threading.Event()
        self._flow.set()
        self._delay, self._trigger, self.connections = 0.0, None, 0
        self._open = []
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]

    def stall(self):
        """Let nothing through; connections stay open, and new ones are taken."""
        self._flow.clear()
        self.stalled.set()

    def stall_after(self, trigger: Callable[[bytes], bool]):
        """Stall once a piece of data that ``trigger`` picks has gone to the server."""
        self._trigger = trigger

    def move(self):
        """Let through what was held back, and all that comes."""
        self.stalled.clear()
        self._flow.set()

    def slow(self, seconds):
        """Hold every piece of data back for so long."""
        self._delay = seconds

    def drop(self):
        """End every connection."""
        for line in self._open:
            _end(line)
        self._open.clear()

    def refuse(self):
        """End every connection and take no new ones."""
        _end(self._listener)
        self.drop()

    def listen(self):
        """Take connections again."""
        self._listener = self._listen(self.port)

    def close(self):
        """End everything."""
        self.refuse()
        self.move()

    def _listen(self, port):
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, target, source is client), daemon=True).start()

    def _pump(self, source, target, is_client):
        with contextlib.suppress(OSError), _ended(source), _ended(target):
            while data := source.recv(65536):
                self._flow.wait()
                if self._delay:
                    threading.Event().wait(self._delay)
                target.sendall(data)
                if is_client and self._trigger is not None and self._trigger(data):
                    self._trigger = None
                    self.stall()
