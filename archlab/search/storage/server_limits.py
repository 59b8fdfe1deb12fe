"""How long a database server and the network to it may be silent, and how its connections are told."""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import URL

_LIBPQ = ("postgresql+psycopg", "postgresql+psycopg2")
"""Drivers that take libpq's connection parameters."""

_SET_WHERE_NOBODY_HAS = """
    SELECT set_config(name, CASE name WHEN 'statement_timeout' THEN %s ELSE %s END, false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND source = 'default'
"""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How long each thing may take, in seconds.

    Attributes:
        silence: without an answer, after which the user is told.
        answer: without an answer, after which the connection is cut, and the operation repeated on another.
        farewell: that all operations together may still wait once the user has interrupted the search.
        connect: until a connection is there.
        idle: without traffic, after which the system asks whether the other side is there, six times in as long again.
        unsent: until what was sent has arrived.
        statement: of one statement on the server, also while it waits for another's lock.
        transaction: without a statement within a transaction, whose locks the server then releases.
    """

    silence: float = 5
    answer: float = 120
    farewell: float = 1
    connect: int = 10
    idle: int = 30
    unsent: int = 30
    statement: int = 60
    transaction: int = 30


def connect_args(url: URL, limits: ServerLimits) -> dict[str, int | str]:
    """Return the limits as libpq's parameters, without those that the address or the environment gives itself.

    Texts are UTF-8 also with a database whose encoding is SQL_ASCII, as it is by default where it was made in the
    locale C: of such a one psycopg would give bytes.
    """
    if url.drivername not in _LIBPQ:
        return {}
    ours: dict[str, int | str] = {
        "connect_timeout": limits.connect,
        "keepalives_idle": limits.idle,
        "keepalives_interval": max(1, limits.idle // 6),
        "keepalives_count": 6,
        "tcp_user_timeout": 1000 * limits.unsent,
        "client_encoding": "utf8",
    }
    for variable, name in (("PGCONNECT_TIMEOUT", "connect_timeout"), ("PGCLIENTENCODING", "client_encoding")):
        if variable in os.environ:
            del ours[name]
    return {name: value for name, value in ours.items() if name not in url.query}


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections of an engine: each is given its limits as it is made, and all can be cut at once."""

    limits: ServerLimits
    _open: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)

    def events(self, url: URL) -> list[tuple[Callable[..., None], str]]:
        """Return what SQLAlchemy's pool calls for each connection that it makes."""
        return [(self._made, "connect")] if url.drivername in _LIBPQ else []

    def _made(self, connection: Any, _record: object) -> None:
        self._open.add(connection)
        # In the session and not among its first words, which PgBouncer refuses; and only where neither the address nor
        # the role, the database or the server says otherwise.
        before, connection.autocommit = connection.autocommit, True
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(_SET_WHERE_NOBODY_HAS, (f"{self.limits.statement}s", f"{self.limits.transaction}s"))
        connection.autocommit = before

    def cut(self) -> None:
        """End all connections from below, so that whoever waits for an answer gets an error."""
        for connection in list(self._open):
            # The driver's own error where it is closed.
            with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
