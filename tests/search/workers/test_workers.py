"""Many workers on one study: with files here, with a database server in test_postgres.py."""

from __future__ import annotations

import json
import os
import signal

import pytest

import archlab
from archlab.errors import InputError
from archlab.search.result import read_result
from archlab.search.workers.join import work
from tests.search.workers.conftest import SPACE, calls
from tests.waiting import finish, succeed, until


def search_args(trials, *more):
    return (
        "search",
        "many.arch",
        "-o",
        "quick.py:value",
        "-n",
        trials,
        "--no-latency",
        "--out",
        "out",
        "--top",
        2,
        *more,
    )


@pytest.mark.parametrize("storage", [None, "sqlite:///study.db"])
def test_workers_share_the_evaluations_to_the_trial(many, archlab_in, gate, storage):
    gate.close(at=1)
    more = ("--storage", storage) if storage else ()
    process = archlab_in(*search_args(40, "--workers", 2, "-b", "params=20k", *more))
    until(lambda: len(gate.begun()) == 2, process)
    gate.open()
    succeed(process)
    result = read_result(many / "out" / "result.json")
    assert result.counts()["scored"] == len(calls(many)) == len(set(calls(many))) == 40
    assert {t.digest for t in result.trials if t.state == "scored"} == set(calls(many))
    assert all(t.cost["params"] <= 20_000 for t in result.trials)
    assert len({line.split()[1] for line in (many / "calls.txt").read_text(encoding="utf-8").splitlines()}) == 2, (
        "both took part"
    )


def test_a_killed_worker_is_replaced_and_its_trial_is_retried(many, archlab_in, gate):
    gate.close(at=3)
    process = archlab_in(*search_args(12, "--workers", 2))
    until(lambda: len(gate.begun()) == 4, process)
    victim = int(gate.begun()[-1])
    os.kill(victim, signal.SIGKILL)
    gate.open()
    _, err = succeed(process)
    assert "a worker was killed by signal 9: another takes its place" in err
    result = read_result(many / "out" / "result.json")
    scored = [t.digest for t in result.trials if t.state == "scored"]
    assert len(scored) == len(set(scored)) == len(calls(many)) == 12
    assert len(gate.begun()) == 12 + 1, "the one that the killed worker was at"


def test_a_worker_needs_only_the_storage(many, monkeypatch):
    monkeypatch.chdir(many)
    archlab.search(archlab.parse(SPACE), objective="quick.py:value", trials=3, out="out", latency=False)
    with pytest.raises(InputError) as refused:
        work("out/study.journal", "many")
    assert str(refused.value) == (
        f"the study 'many' would run code of this machine: {many / 'quick.py'}\n"
        "  hint: if it is the code that you mean, add -o quick.py:value"
    )
    assert work("out/study.journal", "many", objectives=["quick.py:value"]).evaluated == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("version", r"was made with archlab '.*', and this is '9\.9'"),
        (
            "space",
            r"of another space: its line 2 is 's0: conv\(\[4\.\.32 step 4\]\)', here 's0: conv\(\[4\.\.64 step 4\]\)'",
        ),
        ("code", r"the objective quick\.py:value is not the code .*: quick\.py was changed"),
        ("study", r"holds no study 'may'\n  hint: did you mean many\?"),
        ("storage", r"no such storage: elsewhere\.journal"),
    ],
)
def test_a_worker_that_does_not_fit_is_refused_with_the_difference(many, monkeypatch, change, message):
    monkeypatch.chdir(many)
    archlab.search(archlab.parse(SPACE), objective="quick.py:value", trials=2, out="out", latency=False)
    before = (many / "out" / "study.journal").read_bytes()
    if change == "version":
        monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    if change == "code":
        (many / "quick.py").write_text("def value(module, candidate, trial):\n    return 1.0\n", encoding="utf-8")
    space = archlab.parse(SPACE.replace("s0: conv([4..32 step 4])", "s0: conv([4..64 step 4])"))
    storage = "elsewhere.journal" if change == "storage" else "out/study.journal"
    with pytest.raises(InputError) as refused:
        work(
            storage,
            "may" if change == "study" else "many",
            space if change == "space" else None,
            objectives=["quick.py:value"],
        )
    assert __import__("re").search(message, str(refused.value)), str(refused.value)
    assert (many / "out" / "study.journal").read_bytes() == before


def test_a_function_of_this_process_is_refused_to_workers(tmp_path):
    with pytest.raises(InputError, match="a function of this process"):
        archlab.search(archlab.parse(SPACE), objective=lambda *_: 1.0, trials=2, out=tmp_path / "out", workers=2)


def test_the_password_of_an_address_is_in_no_file(many, archlab_in):
    process = archlab_in(*search_args(2, "--storage", "sqlite:///study.db?password=hunter22"))
    out, err = finish(process)
    written = [path.read_bytes() for path in (many / "out").rglob("*") if path.is_file()]
    assert not any(b"hunter22" in text for text in [*written, out.encode(), err.encode()])


def test_what_a_worker_ends_with_can_be_read_by_a_script(many, archlab_in):
    succeed(archlab_in(*search_args(2)))
    process = archlab_in(
        "worker", "--study", "many", "--storage", "out/study.journal", "-o", "quick.py:value", "--json"
    )
    out, _ = finish(process)
    assert json.loads(out) == {"spent": 2, "interrupted": None}
