"""A search from the command line: its table, its files, and what it prints where."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.cli.command_line import ENVIRONMENT, archlab
from tests.waiting import DEADLINE


def test_a_search_prints_its_table_and_leaves_its_files(tiny):
    done = archlab("search", "tiny.arch", "-b", "macs=60k", "-o", "params", "-n", 6, "--quiet", cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "6 scored" in done.stdout
    assert done.stdout.count("equal") == 5
    folder = tiny / "out" / "tiny"
    assert len(list((folder / "finalists").glob("*.arch"))) == 5
    assert (folder / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    again = archlab("report", folder / "result.json", "--out", tiny / "again.html", cwd=tiny)
    assert again.returncode == 0
    assert (tiny / "again.html").read_text(encoding="utf-8") == (folder / "report.html").read_text(encoding="utf-8")


def test_a_search_with_stages_prints_survivors_and_cost(tiny):
    done = archlab(
        "search", "tiny.arch", "-o", "params", "-n", 9, "--then", "max:macs", "--keep", 4, "--top", 2, cwd=tiny
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert next(row for row in rows if row[:2] == ["1", "params"])[2:7] == ["9", "9", "0", "0", "4"]
    assert next(row for row in rows if row[:2] == ["2", "macs"])[2:7] == ["4", "4", "0", "0", "2"]
    assert 'id="search-stages"' in (tiny / "out" / "tiny" / "report.html").read_text(encoding="utf-8")


def test_columns_are_chosen_and_a_wrong_one_ends_the_command_before_it_searches(tiny):
    wrong = archlab("search", "tiny.arch", "-o", "params", "-n", 3, "--columns", "MACS,prams", cwd=tiny)
    assert wrong.returncode == 2
    assert "no column 'prams'" in wrong.stderr
    assert not (tiny / "out").exists()
    done = archlab("search", "tiny.arch", "-o", "params", "-n", 3, "--no-latency", "--columns", "params,macs", cwd=tiny)
    (head,) = [line.split() for line in done.stdout.splitlines() if line.startswith(" network")]
    assert head == ["network", "params", "MACs"]


def test_a_searchs_json_is_all_there_is_on_standard_output(tiny):
    done = archlab("search", "tiny.arch", "-o", "macs", "-n", 3, "--no-latency", "--json", cwd=tiny)
    assert json.loads(done.stdout) == json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))


def test_a_thread_that_an_objective_leaves_behind_does_not_keep_the_search(tiny):
    start = "threading.Thread(target=threading.Event().wait).start()"
    (tiny / "left.py").write_text(
        f"import threading\n\ndef value(*_):\n    {start}\n    return 1.0\n", encoding="utf-8"
    )
    done = archlab("search", "tiny.arch", "-o", "left.py:value", "-n", 2, "--no-latency", "--json", cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"]


def test_a_finalists_file_is_accepted_by_show(tiny):
    archlab("search", "tiny.arch", "-o", "macs", "-n", 2, "--no-latency", cwd=tiny)
    result = json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))
    best = result["finalists"][0]
    shown = json.loads(archlab("show", tiny / "out" / "tiny" / best["file"], "--json").stdout)
    assert shown["name"] == best["name"]
    assert shown["macs"] == best["cost"]["macs"] == best["recount"]["macs"]


def test_a_locale_of_ascii_gets_question_marks(tiny):
    command = [sys.executable, "-m", "archlab", "search", "tiny.arch", "-o", "macs", "-b", "macs=1M", "-n", "2"]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*command, "--no-latency"],
        cwd=tiny,
        env=ENVIRONMENT | ascii_only,
        capture_output=True,
        encoding="ascii",
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert "macs ? 1.000 M" in done.stdout
    assert "≤" in (tiny / "out" / "tiny" / "report.html").read_text(encoding="utf-8")
