"""A message and a next step of its own for each reason why a storage cannot be opened: real where they run here."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from archlab.errors import InputError
from archlab.search.storage import open_storage as module
from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.opening_failures import SERVER, SQLITE, explain
from archlab.search.storage.redact import SafeAddress
from tests.waiting import DEADLINE

ADDRESS = "postgresql://me:s3cret@host/studies"
SAFE = "postgresql://me:***@host/studies"
TO_HOST = 'connection failed: connection to server at "10.0.0.9", port 5432 failed: '

SAID = [
    (
        TO_HOST + "FATAL:  sorry, too many clients already",
        f"{SAFE} has no free connection: {TO_HOST}FATAL:  sorry, too many clients already",
        "wait until others have ended, or allow more (max_connections, CONNECTION LIMIT): a worker needs two",
    ),
    (TO_HOST + 'FATAL:  too many connections for role "me"', "has no free connection", "a worker needs two"),
    (
        TO_HOST + "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "has no free connection",
        "a worker needs two",
    ),
    (
        TO_HOST + 'FATAL:  password authentication failed for user "me"',
        f'cannot connect to {SAFE}: {TO_HOST}FATAL:  password authentication failed for user "me"',
        "check user and password: they stand in the address, in PGPASSWORD or in ~/.pgpass",
    ),
    (TO_HOST + "fe_sendauth: no password supplied", "cannot connect to", "check user and password"),
    (TO_HOST + 'FATAL:  database "studies" does not exist', "cannot connect to", "make it with `createdb`"),
    (TO_HOST + 'FATAL:  role "me" does not exist', "cannot connect to", "check the user"),
    ("failed to resolve host 'host': [Errno -2] Name or service not known", "cannot connect", "check the host's name"),
    (
        'could not translate host name "host" to address: Temporary failure in name resolution',
        "cannot connect to",
        "check the host's name, and this machine's network",
    ),
    (
        TO_HOST + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
        f"cannot connect to {SAFE}: {TO_HOST}Connection refused",
        "check host and port: no server listens there",
    ),
    ("connection timeout expired", "cannot connect to", "nobody answers there"),
    (TO_HOST + "No route to host", "cannot connect to", "check host, port, network and firewall"),
    (
        TO_HOST + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "me", database "studies", no encryption',
        "cannot connect to",
        "the server wants TLS: add ?sslmode=require to the address",
    ),
    (
        TO_HOST + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "me", database "studies", SSL encryption',
        "cannot connect to",
        "the server lets nobody in from here as this user: see its pg_hba.conf",
    ),
    (TO_HOST + "server does not support SSL, but SSL was required", "cannot connect to", "leave sslmode out"),
    (TO_HOST + 'root certificate file "/x" does not exist', "cannot connect to", "check sslrootcert"),
    (
        "permission denied for schema public\nLINE 2: CREATE TABLE studies (",
        f"{SAFE} may not be written to: permission denied for schema public",
        "have its owner run: GRANT USAGE, CREATE ON SCHEMA public TO that user",
    ),
    ("permission denied for table studies", "may not be written to", "have its owner grant this user the right"),
    (
        "cannot execute CREATE TABLE in a read-only transaction",
        f"{SAFE} cannot be written to: cannot execute CREATE TABLE in a read-only transaction",
        "name the primary server: this one is a copy, or set to be read alone",
    ),
    (TO_HOST + "FATAL:  the database system is starting up", "cannot connect to", "wait until the server is up"),
    (
        'could not extend file "base/5/1": No space left on device',
        f'{SAFE} cannot be written to: could not extend file "base/5/1": No space left on device',
        "free some space on the server, and run the same again",
    ),
    ('invalid connection option "colour"', "cannot connect to", "check what follows the ? in the address"),
    (
        "Verbindungsfehler",
        f"cannot connect to {SAFE}: Verbindungsfehler",
        "check its user, password, host and database",
    ),
]


@pytest.mark.parametrize(
    ("said", "message", "hint"), SAID, ids=[said[0].partition(TO_HOST)[2] or said[0] for said in SAID]
)
def test_what_a_server_says_leads_to_the_next_step(said, message, hint):
    kind = (
        "ProgrammingError" if "permission" in said else "InternalError" if "read-only" in said else "OperationalError"
    )
    told = explain(getattr(sqlalchemy.exc, kind)("SELECT 1", {}, Exception(said)), SafeAddress(ADDRESS))
    assert message in told.message
    assert hint in (told.hint or "")
    assert "move it away" not in str(told)
    assert "s3cret" not in str(told)


def test_every_row_about_a_server_has_a_case():
    errors = [sqlalchemy.exc.OperationalError("", {}, Exception(said)) for said, _, _ in SAID]
    hints = {explain(error, SafeAddress(ADDRESS)).hint for error in errors}
    assert [row.hint for row in SERVER if row.hint not in hints] == []


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("SQLITE_FULL", "the disk of sqlite:///s.db is full", "free some space, and run the same again: it resumes"),
        ("SQLITE_BUSY_SNAPSHOT", "sqlite:///s.db is locked by another process",
         "wait until it has ended, or end it: `fuser FILE` names it"),
        ("SQLITE_READONLY_DBMOVED", "sqlite:///s.db may only be read",
         "allow this user to write to the file and its folder, or name another"),
        ("SQLITE_CANTOPEN_ISDIR", "sqlite:///s.db cannot be opened: what it says",
         "check that its folder is there, that you may write to it, and that the name is not a folder's"),
        ("SQLITE_CORRUPT_VTAB", "sqlite:///s.db is damaged: what it says",
         "`archlab study check` says what of it is whole"),
        ("SQLITE_NOTADB", "sqlite:///s.db is not a study that can be read: what it says",
         "move it away and search again, or choose another --out"),
        ("SQLITE_IOERR_WRITE", "the disk of sqlite:///s.db failed: what it says",
         "check its space, limits and health, and run the same again: it resumes"),
        ("SQLITE_ERROR", "sqlite:///s.db cannot be opened: what it says",
         "`archlab study check` says what is in it"),
    ],
)  # fmt: skip
def test_each_error_of_sqlite_has_its_next_step(name, message, hint):
    original = sqlite3.OperationalError("what it says")
    original.sqlite_errorname = name
    told = explain(sqlalchemy.exc.OperationalError("SELECT 1", {}, original), SafeAddress("sqlite:///s.db"))
    assert (told.message, told.hint) == (message, hint)
    assert ("move it away" in str(told)) == (name == "SQLITE_NOTADB")
    assert len(SQLITE) == 8


def told(address: str) -> InputError:
    with pytest.raises(InputError) as refused:
        open_storage(address)
    return refused.value


def study_in(path: Path) -> str:
    address = f"sqlite:///{path}"
    optuna.create_study(storage=open_storage(address).storage, study_name="s")
    return address


def test_sqlite_in_a_missing_folder(tmp_path):
    error = told(f"sqlite:///{tmp_path}/none/study.db")
    assert error.message == f"sqlite:///{tmp_path}/none/study.db cannot be opened: unable to open database file"


def test_sqlite_that_is_locked(tmp_path, monkeypatch):
    address = study_in(tmp_path / "study.db")
    monkeypatch.setattr(module, "SQLITE_PATIENCE", 0)
    with sqlite3.connect(tmp_path / "study.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert told(address).message == f"{address} is locked by another process"
    other.close()


def test_sqlite_that_is_damaged(tmp_path):
    address = study_in(tmp_path / "study.db")
    with (tmp_path / "study.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)
    error = told(address)
    assert error.message == f"{address} is damaged: database disk image is malformed"
    assert error.hint == "`archlab study check` says what of it is whole"


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        ("v99.0.0", "pip install -U optuna"),
        ("v0.9.0.a", "bring it up to date: `optuna storage upgrade --storage ADDRESS`"),
    ],
)
def test_sqlite_of_another_version(tmp_path, made, hint):
    address = study_in(tmp_path / "study.db")
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (made,))
        database.execute("UPDATE version_info SET library_version = '9.9'")
    database.close()
    error = told(address)
    assert error.message == f"{address} was made by Optuna 9.9, which keeps studies in another way"
    assert error.hint == hint


NO_ROOM = """
import resource, sys
from archlab.errors import InputError
from archlab.search.storage.open_storage import opened_storage
import optuna
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    with opened_storage(sys.argv[1]) as opened:
        study = optuna.create_study(storage=opened.storage, study_name="s")
        for number in range(10_000):
            study.set_user_attr(f"key {{number}}", "x" * 1000)
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("address", "limit", "said"),
    [
        (
            "sqlite:///study.db",
            4096,
            "the disk of sqlite:///study.db failed: disk I/O error\n  hint: check its space, limits",
        ),
        (
            "sqlite:///study.db",
            400_000,
            "the disk of sqlite:///study.db failed: disk I/O error\n  hint: check its space",
        ),
        ("study.journal", 4096, "cannot write study.journal: file too large\n"),
    ],
)
def test_a_file_that_may_not_grow(tmp_path, address, limit, said):
    words = [sys.executable, "-c", NO_ROOM.format(limit=limit), address]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE,
                          check=False)  # fmt: skip
    assert done.stdout.startswith(said), done.stdout + done.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != limit


def test_a_journal_that_is_a_folder(tmp_path):
    error = told(str(tmp_path))
    assert error.message == f"cannot write {tmp_path}: is a directory"
    assert error.hint == "name a file, not a folder (--storage or --out)"


def test_a_journal_in_a_missing_folder(tmp_path):
    error = told(f"{tmp_path}/none/study.journal")
    assert error.message == f"cannot write {tmp_path}/none/study.journal: no such file or directory"
    assert error.hint == "make the folder first, or name another (--storage or --out)"


def test_a_journal_that_may_not_be_written():
    error = explain(PermissionError(13, "Permission denied"), SafeAddress("study.journal"))
    assert error.message == "cannot write study.journal: permission denied"
    assert error.hint == "name a folder that you may write to (--storage or --out)"


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("mongodb://me:s3cret@host/db", "mongodb://me:***@host/db is of a kind that archlab does not know",
         "name a journal file, sqlite:///FILE, or postgresql://USER@HOST/DATABASE"),
        ("mysql://me:s3cret@host/db", "mysql://me:***@host/db needs a package that is not installed: MySQLdb",
         "install it yourself, or name a journal file, sqlite:///FILE, or postgresql://USER@HOST/DATABASE"),
        ("postgresql://me:s3cret@host:port/db", "postgresql://me:***@host:port/db is not an address",
         "name a journal file, sqlite:///FILE, or postgresql://USER@HOST/DATABASE"),
        ("://", ":// is not an address", "name a journal file"),
    ],
)  # fmt: skip
def test_addresses_of_no_storage(address, message, hint):
    error = told(address)
    assert message in error.message
    assert (error.hint or "").startswith(hint)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("kind", [RuntimeError, TypeError, AttributeError, MemoryError])
def test_an_error_that_nobody_knows_is_shown_and_nothing_is_to_be_moved_away(kind):
    error = explain(kind("the sky is falling"), SafeAddress("study.journal"))
    assert error.message == f"study.journal cannot be opened: {kind.__name__}: the sky is falling"
    assert error.hint == "run the same again; where that fails too, `archlab study check` says what is in it"
