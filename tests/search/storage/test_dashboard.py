"""optuna-dashboard on a search's storage: started, and asked for its pages."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest

import archlab
from tests.search.conftest import TINY
from tests.waiting import DEADLINE, until

pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed")


@pytest.fixture
def dashboard(tmp_path):
    """A search's storage, opened; asks it for a path."""
    storage = f"sqlite:///{tmp_path}/study.db"
    result = archlab.search(archlab.parse(TINY), budget=["macs=40k"], objective="max:params", trials=16,
                            out=tmp_path / "out", storage=storage,
                            latency=False, top=2)  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from optuna_dashboard import run_server; run_server({storage!r}, '127.0.0.1', {port})"
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ, stderr=subprocess.DEVNULL)

    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
        except OSError:
            return False
        return True

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=DEADLINE) as answer:
            return answer.read().decode()

    until(answers, process)
    yield result, get
    process.kill()
    process.wait()


def test_the_dashboard_shows_names_budgets_and_finalists(dashboard):
    result, get = dashboard
    assert "<title>Optuna Dashboard</title>" in get("/dashboard/")
    (study,) = json.loads(get("/api/studies"))["study_summaries"]
    assert study["study_name"] == "tiny"
    detail = json.loads(get(f"/api/studies/{study['study_id']}"))
    names = {p["name"] for trial in detail["trials"] for p in trial["params"]}
    assert names == {"stem.conv.c", "body.depth", "body.block", "body.conv.c", "body.separable.c", "body.separable.k"}
    assert "net tiny" in detail["note"]["body"]
    assert "Budget: macs ≤ 40.00 k" in detail["note"]["body"]
    trials = {trial["number"]: trial for trial in detail["trials"]}
    judged = [trial for trial in trials.values() if trial["state"] == "Complete"]
    assert len(judged) >= 10
    assert all(max(trial["constraints"]) <= 0 for trial in judged)
    for finalist in result.finalists:
        assert finalist.text.strip() in trials[finalist.trial]["note"]["body"]
