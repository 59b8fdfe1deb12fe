"""Many workers on a real PostgreSQL, started by the tests on loopback."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from archlab.errors import InputError
from archlab.search.result import read_result
from archlab.search.storage import liveness
from archlab.search.storage.open_storage import open_storage
from tests.search.workers.conftest import PASSWORD, QUOTED, USER, calls
from tests.waiting import DEADLINE, Clock, finish, succeed, until

psycopg = pytest.importorskip("psycopg")


def search_args(trials, *more):
    return ("search", "many.arch", "-o", "quick.py:value", "-n", trials, "--no-latency", "--out", "out", "--top", 1,
            "-b", "params=20k", *more)  # fmt: skip


def check_complete(folder, trials):
    """Every evaluation is of a network of its own, within the budget, and there are exactly as many as asked for."""
    result = read_result(folder / "out" / "result.json")
    scored = [t for t in result.trials if t.state == "scored"]
    assert len(scored) == len({t.digest for t in scored}) == trials
    assert all(t.cost["params"] <= 20_000 for t in scored)
    assert {t.state for t in result.trials} <= {"scored", "repeated"}
    return result


@pytest.mark.slow
def test_four_workers_do_four_hundred_trials_each_network_once(many, archlab_in, database):
    process = archlab_in(*search_args(400, "--workers", 4), ARCHLAB_STORAGE=database)
    succeed(process)
    check_complete(many, 400)
    assert len(calls(many)) == len(set(calls(many))) == 400, "no candidate was scored twice, and none is lost"


@pytest.mark.slow
def test_workers_killed_at_random_and_replaced_lose_nothing(many, archlab_in, gate, database):
    rng = random.Random(0)
    gate.close(at=3)
    begun = archlab_in(*search_args(60, "--heartbeat", 1), ARCHLAB_STORAGE=database)
    until(lambda: len(gate.begun()) == 3, begun)

    def worker():
        return archlab_in("worker", "--study", "many", "--objective", "quick.py:value", ARCHLAB_STORAGE=database)

    workers = [worker(), worker()]
    for _ in range(4):
        until(lambda: {str(each.pid) for each in workers} <= set(gate.begun()), begun)
        # All wait at the gate. While some pass, the victim may be anywhere in its trial or the next.
        passing = len(gate.begun()) + rng.randint(1, 6)
        gate.close(at=passing)
        victim = workers.pop(rng.randrange(2))
        come = passing - rng.randint(0, 2)
        until(lambda count=come: len(gate.begun()) >= count, begun)
        victim.send_signal(signal.SIGKILL)
        workers.append(worker())
    gate.open()
    succeed(begun)
    check_complete(many, 60)
    for left in workers:
        succeed(left)


@pytest.mark.slow
def test_a_server_that_is_stopped_and_started_again_is_waited_for(many, archlab_in, gate, postgres, database):
    said = many / "said.txt"
    gate.close(at=5)
    with said.open("w", encoding="utf-8") as stderr:
        process = archlab_in(*search_args(30), ARCHLAB_STORAGE=database, stderr=stderr)
    until(lambda: len(gate.begun()) == 5, process)
    postgres.stop()
    gate.open()
    until(lambda: "does not answer: waiting for it" in said.read_text(encoding="utf-8"), process)
    stalled = len(calls(many))
    postgres.start()
    finish(process)
    assert process.returncode == 0, said.read_text(encoding="utf-8")
    assert stalled < 30
    assert "answers again: going on" in said.read_text(encoding="utf-8")
    check_complete(many, 30)


@pytest.mark.parametrize(
    ("change", "said", "next_step"),
    [
        ({"password": "wr0ng-pass"}, "password authentication failed",
         "check user and password: they stand in the address, in PGPASSWORD or in ~/.pgpass"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist', "make it with `createdb`, or name another"),
        ({"host": "no-such-host.invalid"}, "host", "check the host's name, and this machine's network"),
        ({"host": "127.0.0.1:1"}, "refused", "check host and port: no server listens there"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_one_clear_line_without_the_password(postgres, archlab_in, change, said, next_step):
    address = postgres.url(**change)
    if ":1" in change.get("host", ""):
        address = f"postgresql://searcher:{QUOTED}@127.0.0.1:1/postgres"
    process = archlab_in(*search_args(2, "--storage", address))
    out, err = finish(process)
    assert process.returncode == 2
    first, hint = err.splitlines()
    assert first.startswith("archlab: cannot connect to postgresql://searcher:***@")
    assert said in first
    assert hint == f"  hint: {next_step}"
    for secret in (PASSWORD, QUOTED, "wr0ng-pass"):
        assert secret not in out + err


def test_the_password_is_in_no_file_and_no_message(many, archlab_in, database):
    process = archlab_in(*search_args(3, "--storage", database))
    out, err = finish(process)
    assert process.returncode == 0, err
    texts = [path.read_text(errors="replace", encoding="utf-8") for path in (many / "out").rglob("*") if path.is_file()]
    assert any("searcher:***@" in text for text in texts), "the command is kept, without the password"
    for secret in (PASSWORD, QUOTED):
        assert not any(secret in text for text in [*texts, out, err])


def test_a_trial_of_a_worker_that_died_before_its_first_beat_is_given_up(database, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(liveness, "time", clock)
    opened = open_storage(database, heartbeat=1)
    study = optuna.create_study(storage=opened.storage, study_name="s")
    study.ask()
    opened.liveness.reap(study)
    clock.sleep(2.2)
    opened.liveness.reap(study)
    assert [t.state.name for t in study.trials] == ["FAIL", "WAITING"]


def test_an_address_without_its_driver_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"needs a package that is not installed: psycopg") as refused:
        open_storage("postgresql://me:secret@127.0.0.1/db")
    assert "secret" not in str(refused.value)


def test_the_server_runs_on_loopback_only(postgres):
    shown = subprocess.run(["ss", "-ltn"], capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE).stdout
    assert f"0.0.0.0:{postgres.port}" not in shown


def refused(address):
    with pytest.raises(InputError) as error:
        open_storage(address)
    assert PASSWORD not in str(error.value)
    assert QUOTED not in str(error.value)
    return error.value.message, error.value.hint


def as_other(database, user, more=""):
    return database.replace(f"{USER}:{QUOTED}", f"{user}:other") + more


@pytest.fixture
def run_sql(database):
    """Runs statements in the database, as its owner."""
    with psycopg.connect(database, autocommit=True) as owner:
        yield owner.execute


def test_a_database_of_no_encoding_is_read_as_utf8(run_sql, database):
    run_sql("CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    storage = open_storage(f"{database.rpartition('/')[0]}/plain").storage
    study = optuna.create_study(storage=storage, study_name="größe")
    assert [found.study_name for found in storage.get_all_studies()] == [study.study_name]


def test_a_read_of_trials_that_the_server_ends_is_repeated(database):
    notes = []
    storage = open_storage(f"{database}?options=-c%20statement_timeout%3D300", note=notes.append).storage
    study = optuna.create_study(storage=storage)
    study.ask().suggest_int("n", 1, 9)
    with ThreadPoolExecutor() as pool, psycopg.connect(database) as owner:
        owner.execute("LOCK TABLE trial_params IN ACCESS EXCLUSIVE MODE")
        trials = pool.submit(study.get_trials, deepcopy=False)
        until(lambda: notes or trials.done())
        owner.rollback()
        assert [trial.params.keys() for trial in trials.result()] == [{"n"}]
    assert notes[0].endswith("does not answer: waiting for it")


def test_a_server_without_free_connections_says_so(run_sql, database):
    run_sql("CREATE ROLE crowded LOGIN PASSWORD 'other' CONNECTION LIMIT 0")
    message, hint = refused(as_other(database, "crowded"))
    assert message.startswith(f"{as_other(database, 'crowded').replace(':other', ':***')} has no free connection: ")
    assert message.endswith('FATAL:  too many connections for role "crowded"')
    assert hint == "wait until others have ended, or allow more (max_connections, CONNECTION LIMIT): a worker needs two"


def test_a_user_who_may_not_make_tables_is_told_who_can(run_sql, database):
    run_sql("CREATE ROLE guest LOGIN PASSWORD 'other'")
    run_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    message, hint = refused(as_other(database, "guest"))
    assert message.endswith(" may not be written to: permission denied for schema public")
    assert hint == "have its owner run: GRANT USAGE, CREATE ON SCHEMA public TO that user"


@pytest.mark.parametrize(
    ("option", "said", "hint"),
    [
        ("options=-c default_transaction_read_only=on", "in a read-only transaction",
         "name the primary server: this one is a copy, or set to be read alone"),
        ("sslmode=require", "server does not support SSL, but SSL was required",
         "the server knows no TLS: leave sslmode out of the address"),
        ("colour=blue", 'invalid connection option "colour"', "check what follows the ? in the address"),
    ],
)  # fmt: skip
def test_what_follows_the_question_mark(database, option, said, hint):
    message, told = refused(f"{database}?{option}")
    assert said in message
    assert told == hint


def test_a_server_that_wants_tls(run_sql, postgres, database):
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    try:
        rules.write_text(f"hostssl all secret 127.0.0.1/32 scram-sha-256\nhost all {USER} all scram-sha-256\n")
        run_sql("SELECT pg_reload_conf()")
        until(lambda: run_sql("SELECT count(*) FROM pg_hba_file_rules").fetchone() == (2,))
        message, hint = refused(as_other(database, "secret"))
    finally:
        rules.write_text(before, encoding="utf-8")
        run_sql("SELECT pg_reload_conf()")
    assert "no pg_hba.conf entry" in message
    assert message.endswith("no encryption")
    assert hint == "the server wants TLS: add ?sslmode=require to the address"
