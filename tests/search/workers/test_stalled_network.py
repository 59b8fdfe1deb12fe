"""Searches whose network to the server stalls, drops, refuses or is slow: PostgreSQL behind a proxy of the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.search.workers.conftest import QUOTED, USER, calls
from tests.search.workers.proxy import Proxy
from tests.search.workers.test_postgres import check_complete, search_args
from tests.waiting import finish, until

HURRIED = """
import functools, sys
from archlab.search.storage import reconnect
reconnect.ServerLimits = functools.partial(reconnect.ServerLimits, **{limits})
from archlab.cli.main import main
main()
"""
"""The command line with other limits than a user's."""


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
    until(lambda: STALLED in process.said()[before:], process)
    proxy.move()
    finish(process)
    assert process.returncode == 0, process.said()
    assert "answers again: going on" in process.said()[before:]
    check_complete(many, 8)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_an_answer_is_missing_writes_what_is_there(many, start, gate, proxy, through, number):
    gate.close(at=3)
    process = start(*search_args(8), storage=through, **SHORT)
    until(lambda: len(gate.begun()) == 3, process)
    proxy.stall()
    before = len(process.said())
    gate.open()
    until(lambda: STALLED in process.said()[before:], process)
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
    before = len(process.said())
    until(lambda: STALLED in process.said()[before:], process)  # of the heartbeat
    process.send_signal(signal.SIGINT)
    finish(process)
    assert (many / "out" / "result.json").exists(), process.said()
    assert "Traceback" not in process.said()


@pytest.mark.slow
def test_an_interrupt_while_the_storage_is_opened_behind_a_stalled_network(start, proxy, through):
    proxy.stall()
    before = 0
    process = start(*search_args(8), storage=through, **SHORT)
    until(lambda: STALLED in process.said()[before:], process)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode == 130
    assert "Traceback" not in process.said()
