"""The storage at an address: Optuna's own, with a journal file that a killed process cannot damage."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url

from archlab.search.choices import HEARTBEAT
from archlab.search.storage.failures import explain_opening_errors, explain_storage_errors, silence_optuna
from archlab.search.storage.interrupts import Interrupt, noticed_interrupts
from archlab.search.storage.journal import JournalFile
from archlab.search.storage.liveness import FileLocks, Heartbeats, Liveness
from archlab.search.storage.reconnect import Note, ReconnectingStorage
from archlab.search.storage.redact import SafeAddress

SQLITE_PATIENCE = 60
"""Seconds that writers of a SQLite file wait for each other; by default they give up after five."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A storage, the liveness of its trials, and its address without passwords."""

    storage: BaseStorage
    liveness: Liveness
    address: SafeAddress

    def with_heartbeat(self, seconds: int) -> Opened:
        """Return the same storage with another heartbeat, where it has one."""
        server = getattr(self.storage, "_backend", None)
        if not isinstance(server, ReconnectingStorage):
            return self
        server.heartbeat_interval = seconds
        return replace(self, liveness=Heartbeats(2 * seconds))


def open_storage(address: str, heartbeat: int = HEARTBEAT, note: Note | None = None) -> Opened:
    """Open the storage at an address.

    An address is a journal file's path, or a database URL such as ``sqlite:///study.db`` or
    ``postgresql://user@host/database``, whose password is better left to libpq (``PGPASSWORD``, ``~/.pgpass``).

    Args:
        heartbeat: seconds between signs of life of a worker on a database server; after twice that without one, its
            trial is given to another.
        note: called with a sentence when a server goes away and when it comes back, and for each tear in a journal.

    Raises:
        InputError: it cannot be opened, or is no study. No message holds the address's password.
    """
    return _open(_resolved(address), SafeAddress(address), heartbeat, note, Interrupt())


@contextlib.contextmanager
def opened_storage(address: str, heartbeat: int = HEARTBEAT, note: Note | None = None) -> Iterator[Opened]:
    """Open a storage as ``open_storage`` does, and turn its failures and Optuna's messages into one line.

    Raises:
        InputError: it cannot be opened, or fails while it is open.
    """
    safe = SafeAddress(address)
    with silence_optuna(), explain_storage_errors(safe), noticed_interrupts() as interrupt:
        yield _open(_resolved(address), safe, heartbeat, note, interrupt)


def _resolved(address: str) -> str:
    """Return an address that stays the same file's, wherever an objective goes meanwhile."""
    if "://" not in address:
        return os.path.abspath(address)
    scheme, slashes, rest = address.partition(":///")
    path, mark, query = rest.partition("?")
    is_relative = scheme.startswith("sqlite") and path and not path.startswith(("/", ":", "file:"))
    return f"{scheme}{slashes}{os.path.abspath(path)}{mark}{query}" if is_relative else address


def _open(address: str, safe: SafeAddress, heartbeat: int, note: Note | None, interrupt: Interrupt) -> Opened:
    if "://" not in address:
        with explain_opening_errors(safe):
            journal = JournalStorage(JournalFile(Path(address), note))
            return Opened(journal, FileLocks(Path(f"{address}.running")), safe)
    with explain_opening_errors(safe):
        url = driver_url(make_url(address))
        if url.get_backend_name() == "sqlite":
            memory = f"{tempfile.gettempdir()}/archlab-{os.getpid()}"  # of a database that no file holds
            return Opened(_cached(_sqlite(address)), FileLocks(Path(f"{url.database or memory}.running")), safe)
        server = ReconnectingStorage(url, safe, heartbeat, note or _ignore, interrupt)
        return Opened(_cached(server), Heartbeats(2 * heartbeat), safe)


def _sqlite(address: str) -> RDBStorage:
    """Open a SQLite file whose transactions run one after the other, also when they begin by reading.

    SQLite has no row locks: left to itself, the driver begins a transaction at the first write, and of two workers
    that read that a trial waits in the queue, both would take it.
    """
    arguments = {"timeout": SQLITE_PATIENCE, "isolation_level": None}
    opened = RDBStorage(address, engine_kwargs={"connect_args": arguments})
    event.listen(opened.engine, "begin", _begin_immediate)
    return opened


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _ignore(_: str) -> None:
    pass


def _cached(storage: RDBStorage) -> BaseStorage:
    """Return the storage as a study uses it, which keeps finished trials."""
    cached: BaseStorage = optuna.storages.get_storage(storage)
    return cached


def driver_url(url: URL) -> URL:
    """Return PostgreSQL's address with the driver that archlab installs, where it names none."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url
