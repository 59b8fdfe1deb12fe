"""Searches whose network to the server stalls, drops, refuses or is slow: PostgreSQL behind a proxy of the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import optuna
import pytest
from sqlalchemy import make_url, text

from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.reconnect import ReconnectingStorage
from archlab.search.storage.redact import SafeAddress
from archlab.search.storage.server_limits import ServerLimits, connect_args
from tests.search.workers.conftest import QUOTED, USER, calls
from tests.search.workers.proxy import Proxy
from tests.search.workers.test_postgres import check_complete, search_args
from tests.waiting import DEADLINE, finish, until

psycopg = pytest.importorskip("psycopg")

HURRIED = """
import functools, sys
from archlab.search.storage import reconnect
reconnect.ServerLimits = functools.partial(reconnect.ServerLimits, **{limits})
from archlab.cli.main import main
main()
"""
"""The command line with other limits than a user's."""


def waits(process):
    """Whether the last that a process said of its storage is that it does not answer.

    With limits this short a busy machine is silent for long enough too, and what is silent already is not said again.
    """
    said = process.said()
    return said.rfind(STALLED) > said.rfind(ANSWERS)


@pytest.fixture
def proxy(postgres):
    made = Proxy(postgres.port)
    yield made
    made.close()


@pytest.fixture
def through(proxy, database):
    """The address of an empty database behind the proxy."""
    return f"postgresql://{USER}:{QUOTED}@127.0.0.1:{proxy.port}/{database.rpartition('/')[2]}"


@pytest.fixture
def start(many):
    """Starts the command line in the folder of ``many``, with limits, and what it says in a file."""
    started = []

    def run(*args, storage, **limits):
        said = many / "said.txt"
        with said.open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", HURRIED.format(limits=limits), *map(str, args)],
                cwd=many,
                env={**os.environ, "OMP_NUM_THREADS": "1", "ARCHLAB_STORAGE": storage},
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
            )
        process.said = lambda: said.read_text(encoding="utf-8")
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


STALLED = "has not answered for 0.1 s: waiting for it"
ANSWERS = "answers again: going on"
SHORT = {"silence": 0.1, "farewell": 0.3}


@pytest.mark.slow
def test_a_stalled_network_is_waited_for(many, start, gate, proxy, through):
    gate.close(at=3)
    process = start(*search_args(8), storage=through, **SHORT)
    until(lambda: len(gate.begun()) == 3, process)
    proxy.stall()
    before = len(process.said())
    gate.open()
    until(lambda: len(calls(many)) == 3, process)
    until(lambda: waits(process), process)
    proxy.move()
    finish(process)
    assert process.returncode == 0, process.said()
    assert ANSWERS in process.said()[before:]
    check_complete(many, 8)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_an_answer_is_missing_writes_what_is_there(many, start, gate, proxy, through, number):
    gate.close(at=3)
    process = start(*search_args(8), storage=through, **SHORT)
    until(lambda: len(gate.begun()) == 3, process)
    proxy.stall()
    gate.open()
    until(lambda: waits(process), process)
    process.send_signal(number)
    finish(process)
    result = json.loads((many / "out" / "result.json").read_text(encoding="utf-8"))
    assert result["interrupted"] == "interrupted by the user"
    assert len([trial for trial in result["trials"] if trial["state"] == "scored"]) == 2
    assert "does not answer: what it was not told is judged again when the search is resumed" in process.said()
    assert "Traceback" not in process.said()
    proxy.move()
    again = start(*search_args(8, "--heartbeat", 1), storage=through)
    finish(again)
    assert again.returncode == 0, again.said()
    check_complete(many, 8)


@pytest.mark.slow
def test_an_interrupt_while_an_objective_runs_and_the_network_is_stalled(many, start, gate, proxy, through):
    gate.close(at=2)
    process = start(*search_args(8, "--heartbeat", 1), storage=through, **SHORT)
    until(lambda: len(gate.begun()) == 2, process)
    proxy.stall()
    until(lambda: waits(process), process)  # of the heartbeat
    process.send_signal(signal.SIGINT)
    finish(process)
    assert (many / "out" / "result.json").exists(), process.said()
    assert "Traceback" not in process.said()


@pytest.mark.slow
def test_an_interrupt_while_the_storage_is_opened_behind_a_stalled_network(start, proxy, through):
    proxy.stall()
    process = start(*search_args(8), storage=through, **SHORT)
    until(lambda: waits(process), process)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode == 130
    assert "Traceback" not in process.said()


class Server:
    """A storage behind the proxy, in this process, and what it said."""

    def __init__(self, address, **limits):
        self.said = []
        url = make_url(address.replace("postgresql:", "postgresql+psycopg:"))
        self.storage = ReconnectingStorage(
            url, SafeAddress(address), 1, self.said.append, limits=ServerLimits(**limits)
        )

    def shows(self, name):
        """The server's setting ``name`` in the storage's sessions."""
        with self.storage.engine.connect() as connection:
            return connection.execute(text(f"SHOW {name}")).scalar_one()


def study_on(server):
    return server.storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "s")


def in_thread(operation):
    thread = threading.Thread(target=operation, daemon=True)
    thread.start()
    return thread


def wait_for(thread):
    thread.join(DEADLINE)
    assert not thread.is_alive(), "it hangs"


def test_what_is_silent_too_long_is_asked_again_on_another_connection(proxy, through):
    server = Server(through)
    study = study_on(server)
    server.storage.conversation._limits = ServerLimits(silence=0, answer=0.2)
    proxy.stall()
    asked = []
    thread = in_thread(lambda: asked.append(server.storage.get_study_name_from_id(study)))
    until(lambda: server.said)
    before = proxy.connections
    until(lambda: proxy.connections > before)
    proxy.move()
    wait_for(thread)
    assert asked == ["s"]
    assert server.said[0].endswith("has not answered for 0 s: waiting for it")
    assert server.said[-1].endswith("answers again: going on")


@pytest.mark.parametrize("way", ["drop", "refuse", "slow"])
def test_a_network_that_drops_refuses_or_is_slow_is_outlived(proxy, through, way):
    server = Server(through, silence=0)
    study = study_on(server)
    del server.said[:]
    if way == "slow":
        proxy.slow(0.1)
    else:
        getattr(proxy, way)()
    thread = in_thread(lambda: server.storage.set_study_user_attr(study, "key", 1))
    if way == "refuse":
        until(lambda: server.said)
        proxy.listen()
    wait_for(thread)
    proxy.slow(0)
    assert server.storage.get_study_user_attrs(study) == {"key": 1}
    if way == "refuse":
        assert server.said[0].endswith("does not answer: waiting for it")
    if way == "slow":
        assert server.said[0].endswith("has not answered for 0 s: waiting for it")


def test_the_locks_of_a_stalled_worker_do_not_stop_the_others(proxy, through, database):
    stalled, other, made = Server(through, transaction=1), Server(database), []
    study = study_on(stalled)
    proxy.stall_after(lambda data: b"FOR UPDATE" in data)  # of the study's row: no other can make a trial meanwhile
    thread = in_thread(lambda: stalled.storage._create_new_trial(study))
    until(proxy.stalled.is_set)
    others = in_thread(lambda: made.append(other.storage._create_new_trial(study).number))
    wait_for(others)
    assert made == [0]
    proxy.move()
    wait_for(thread)
    assert len(other.storage.get_all_trials(study)) == 2


def test_sessions_have_limits_where_nobody_else_has_set_one(database):
    name = database.rpartition("/")[2]
    assert [Server(database).shows(key) for key in LIMITS] == ["1min", "30s"]
    own = f"{database}?options=-c%20statement_timeout%3D0%20-c%20idle_in_transaction_session_timeout%3D7s"
    assert [Server(own).shows(key) for key in LIMITS] == ["0", "7s"]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {name} SET statement_timeout = '9s'")
    assert [Server(database, transaction=3).shows(key) for key in LIMITS] == ["9s", "3s"]


LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")


def test_the_addresss_own_limits_win(monkeypatch):
    for variable in ("PGCONNECT_TIMEOUT", "PGCLIENTENCODING"):
        monkeypatch.delenv(variable, raising=False)
    limits = ServerLimits(connect=4, idle=60, unsent=5)
    url = make_url("postgresql+psycopg://me@host/db?keepalives_idle=7&application_name=x")
    ours = {"connect_timeout": 4, "keepalives_interval": 10, "keepalives_count": 6, "tcp_user_timeout": 5000}
    assert connect_args(url, limits) == {**ours, "client_encoding": "utf8"}
    assert connect_args(make_url("postgresql+psycopg://h/db?connect_timeout=0"), limits)["keepalives_idle"] == 60
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "3")
    assert "connect_timeout" not in connect_args(url, limits)
    assert connect_args(make_url("mysql+pymysql://me@host/db"), limits) == {}


def test_connections_are_made_with_the_limits(through):
    with Server(through, connect=5).storage.engine.connect() as connection:
        known = connection.connection.driver_connection.info.get_parameters()
    assert (known["connect_timeout"], known["tcp_user_timeout"], known["keepalives_count"]) == ("5", "30000", "6")


def test_another_heartbeat_is_taken_over_without_another_connection(database):
    opened = open_storage(database, heartbeat=30)
    other = opened.with_heartbeat(2)
    assert other.storage is opened.storage
    assert opened.storage.get_heartbeat_interval() == 2
    assert other.liveness._grace == 4
    local = open_storage("sqlite://")
    assert local.with_heartbeat(2) is local


@pytest.mark.slow
def test_workers_end_with_their_search_behind_a_stalled_network(many, start, gate, proxy, through):
    gate.close(at=3)
    process = start(*search_args(8, "--workers", 2), storage=through, **SHORT)
    until(lambda: len(gate.begun()) == 4, process)
    workers = {int(pid) for pid in gate.begun()[2:]}
    proxy.stall()
    until(lambda: waits(process), process)
    process.send_signal(signal.SIGTERM)
    finish(process)
    assert (many / "out" / "result.json").exists(), process.said()
    assert "Traceback" not in process.said()
    assert [pid for pid in workers if os.path.exists(f"/proc/{pid}")] == []
