"""While a library builds a model nothing is downloaded, whatever its configuration names."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def nothing_downloaded() -> Iterator[None]:
    """Let every connection to another machine fail, as without a network, until the context ends."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError("an audit downloads nothing")

    def connect(self: socket.socket, address: Any) -> Any:
        return connected(self, address) if self.family == getattr(socket, "AF_UNIX", None) else refuse()

    found, connected, own = socket.getaddrinfo, socket.socket.connect, "connect" in vars(socket.socket)
    socket.getaddrinfo = refuse
    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = found
        if own:
            socket.socket.connect = connected  # type: ignore[method-assign]
        else:
            del socket.socket.connect
