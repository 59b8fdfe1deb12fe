"""Why a storage cannot be opened, and what to do about it: a row for each reason."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from archlab.errors import InputError
from archlab.files import cannot_write
from archlab.search.storage.redact import SafeAddress

ADDRESSES = "name a journal file, sqlite:///FILE, or postgresql://USER@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason why a storage cannot be opened.

    Attributes:
        pattern: what the driver says, or of SQLite the name of its error.
        message: what the user is told, of ``{where}`` and of ``{said}``, the driver's first line.
        hint: the next step.
    """

    pattern: str
    message: str
    hint: str


_OF_A_STRANGE_FILE = (ValueError, LookupError, AssertionError)
"""How Optuna meets a file whose lines are no records of a journal."""

CANNOT_CONNECT = "cannot connect to {where}: {said}"

SERVER = (
    Reason(
        r"too many (clients|connections)|connection slots|max_client_conn|no more connections",
        "{where} has no free connection: {said}",
        "wait until others have ended, or allow more (max_connections, CONNECTION LIMIT): a worker needs two",
    ),
    Reason(
        r"password|authentication failed|no .*credentials",
        CANNOT_CONNECT,
        "check user and password: they stand in the address, in PGPASSWORD or in ~/.pgpass",
    ),
    Reason(r'database ".*" does not exist', CANNOT_CONNECT, "make it with `createdb`, or name another"),
    Reason(r'role ".*" does not exist', CANNOT_CONNECT, "check the user, or make it with `createuser`"),
    Reason(
        r"translate host name|resolve host|name or service not known|name resolution|nodename nor servname",
        CANNOT_CONNECT,
        "check the host's name, and this machine's network",
    ),
    Reason(r"refused", CANNOT_CONNECT, "check host and port: no server listens there"),
    Reason(
        r"timeout expired|timed out|no route to host|network is unreachable",
        CANNOT_CONNECT,
        "check host, port, network and firewall: nobody answers there",
    ),
    Reason(r"does not support SSL", CANNOT_CONNECT, "the server knows no TLS: leave sslmode out of the address"),
    Reason(r"certificate", CANNOT_CONNECT, "check sslrootcert and sslmode in the address"),
    Reason(
        r"no encryption|SSL off|requires? (an )?(SSL|TLS|encrypt)|(SSL|TLS) (connection )?(is )?required",
        CANNOT_CONNECT,
        "the server wants TLS: add ?sslmode=require to the address",
    ),
    Reason(r"pg_hba\.conf", CANNOT_CONNECT, "the server lets nobody in from here as this user: see its pg_hba.conf"),
    Reason(
        r"permission denied for schema|no schema has been selected",
        "{where} may not be written to: {said}",
        "have its owner run: GRANT USAGE, CREATE ON SCHEMA public TO that user",
    ),
    Reason(
        r"permission denied",
        "{where} may not be written to: {said}",
        "have its owner grant this user the right, or name another database",
    ),
    Reason(
        r"read-only transaction|read-only mode|recovery is in progress",
        "{where} cannot be written to: {said}",
        "name the primary server: this one is a copy, or set to be read alone",
    ),
    Reason(
        r"starting up|shutting down|not (yet )?accepting connections|recovery mode",
        CANNOT_CONNECT,
        "wait until the server is up, and run the same again",
    ),
    Reason(
        r"No space left|disk full|could not extend file",
        "{where} cannot be written to: {said}",
        "free some space on the server, and run the same again",
    ),
    Reason(
        r"invalid connection option|invalid .* value|bad value",
        CANNOT_CONNECT,
        "check what follows the ? in the address",
    ),
    Reason(r"", CANNOT_CONNECT, "check its user, password, host and database"),
)

SQLITE = (
    Reason(r"SQLITE_FULL", "the disk of {where} is full", "free some space, and run the same again: it resumes"),
    Reason(
        r"SQLITE_(BUSY|LOCKED)",
        "{where} is locked by another process",
        "wait until it has ended, or end it: `fuser FILE` names it",
    ),
    Reason(
        r"SQLITE_READONLY|SQLITE_PERM|SQLITE_AUTH",
        "{where} may only be read",
        "allow this user to write to the file and its folder, or name another",
    ),
    Reason(
        r"SQLITE_CANTOPEN",
        "{where} cannot be opened: {said}",
        "check that its folder is there, that you may write to it, and that the name is not a folder's",
    ),
    Reason(
        r"SQLITE_CORRUPT",
        "{where} is damaged: {said}",
        "`archlab study check` says what of it is whole",
    ),
    Reason(
        r"SQLITE_NOTADB",
        "{where} is not a study that can be read: {said}",
        "move it away and search again, or choose another --out",
    ),
    Reason(
        r"SQLITE_IOERR",
        "the disk of {where} failed: {said}",
        "check its space, limits and health, and run the same again: it resumes",
    ),
    Reason(r"", "{where} cannot be opened: {said}", "`archlab study check` says what is in it"),
)


def explain(error: Exception, address: SafeAddress) -> InputError:
    """Return the error for the user who wants to open ``address``; it holds no password."""
    where = address.where
    database = _of_database(error)
    if database is not None:
        original = database.orig or database
        if isinstance(original, sqlite3.Error):
            return _told(SQLITE, getattr(original, "sqlite_errorname", ""), original, address)
        return _told(SERVER, str(original), original, address)
    if isinstance(error, OSError):
        return cannot_write(Path(where), error, "--storage or --out")
    if isinstance(error, ImportError):
        return _without_driver(error, where)
    if isinstance(error, NoSuchModuleError):
        return InputError(f"{where} is of a kind that archlab does not know", hint=ADDRESSES)
    if "://" in where and isinstance(error, ArgumentError | ValueError | TypeError):
        return InputError(f"{where} is not an address: {_reason(error, address)}", hint=ADDRESSES)
    made = re.search(r"table schema \(set up by optuna (.*?)\)", str(error))
    if made is not None:
        return _of_other_version(made[1], str(error), where)
    if isinstance(error, _OF_A_STRANGE_FILE):
        return InputError(
            f"{where} is not a study that can be read: {_reason(error, address)}",
            hint="move it away and search again, or choose another --out",
        )
    return InputError(
        f"{where} cannot be opened: {type(error).__name__}: {_reason(error, address)}",
        hint="run the same again; where that fails too, `archlab study check` says what is in it",
    )


def _of_database(error: BaseException) -> DBAPIError | None:
    """Return the database's error among those that led to this one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError):
        cause = cause.__cause__
    return cause


def _told(rows: tuple[Reason, ...], text: str, error: BaseException, address: SafeAddress) -> InputError:
    row = next(row for row in rows if re.search(row.pattern, text, re.I))
    said = address.hide(_first_line(error))
    return InputError(row.message.format(where=address.where, said=said), hint=row.hint)


def _without_driver(error: ImportError, where: str) -> InputError:
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    package = cause.name or "psycopg"
    known = package.partition(".")[0] == "psycopg"
    return InputError(
        f"{where} needs a package that is not installed: {package}",
        hint="pip install 'archlab[postgres]'" if known else f"install it yourself, or {ADDRESSES}",
    )


def _of_other_version(made: str, text: str, where: str) -> InputError:
    hint = (
        "bring it up to date: `optuna storage upgrade --storage ADDRESS`"
        if "storage upgrade" in text
        else "pip install -U optuna"
    )
    return InputError(f"{where} was made by Optuna {made}, which keeps studies in another way", hint=hint)


def _reason(error: BaseException, address: SafeAddress) -> str:
    return address.hide(" ".join(str(error).split()))[:120]


def _first_line(error: BaseException) -> str:
    """Return the first line of an error that a driver reports in many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]
