"""What next: the commands of the page are run as they stand."""

from __future__ import annotations

import dataclasses
import shlex

import pytest
from click.testing import CliRunner

from archlab.cli.main import cli
from archlab.report.next_commands import next_commands, search_on
from archlab.search.result import read_result
from tests.report import results

TEXT = "net small(input=3x16x16)\nstem: conv({4, 8, 16}, {3, 5}, s=2)\nhead: gap -> fc(10)\n"


def test_show_export_and_search_on_run_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my net.arch").write_text(TEXT, encoding="utf-8")
    first = ["search", "my net.arch", "-n", "2", "--no-latency", "--out", "the out"]
    monkeypatch.setattr("sys.argv", ["archlab", *first])
    assert CliRunner().invoke(cli, first).exit_code == 0
    result = read_result(tmp_path / "the out" / "result.json")
    commands = {row.title: row.command for row in next_commands(result)}
    assert list(commands) == ["Look at it", "Export it", "Train it", "Search on"]
    for title, folder in (("Look at it", "the out"), ("Export it", "the out"), ("Search on", "")):
        words = shlex.split(commands[title])
        assert words[0] == "archlab"
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setattr("sys.argv", words)
        ran = CliRunner().invoke(cli, words[1:])
        assert ran.exit_code == 0, (title, ran.output)
    assert len(list((tmp_path / "the out").glob("*.onnx"))) == 1
    again = read_result(tmp_path / "the out" / "result.json")
    assert sum(trial.state == "scored" for trial in again.trials) == 4


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("archlab search mobile --trials 10 --out a", "archlab search mobile --trials 20 --out a"),
        ("archlab search mobile --trials=10", "archlab search mobile --trials=20"),
        ("archlab search mobile -n10", "archlab search mobile -n20"),
        ("archlab search 'my net.arch'", "archlab search 'my net.arch' --trials 120"),
        ("archlab.search('mobile', …)", ""),
        ("archlab search mobile -n 10 -q", "archlab search mobile -n 20 -q"),
        ("archlab search -n10 'my net.arch'", "archlab search -n20 'my net.arch'"),
        ("archlab search -- mobile", "archlab search --trials 120 -- mobile"),
        ("archlab search mobile -qn 16", "archlab search mobile -qn 16 --trials 32"),
        ("archlab search -n 8 mobile -n 16", "archlab search -n 8 mobile -n 16 --trials 32"),
        ("archlab search mobile --study -n5 -n 16", "archlab search mobile --study -n5 -n 16 --trials 32"),
        ("archlab search", ""),
        ("archlab search 'open", ""),
    ],
)
def test_searching_on_is_the_same_command_with_twice_the_trials(command, again):
    assert search_on(command, 16) == again


def test_trained_weights_are_exported_and_not_trained_again():
    result = results.search()
    kept = dataclasses.replace(result.finalists[0], kept={"": "finalists/a.safetensors"})
    rows = next_commands(dataclasses.replace(result, finalists=(kept,)))
    assert [row.title for row in rows] == ["Look at it", "Export it", "Search on"]
    assert "--weights finalists/a.safetensors --to onnx" in rows[1].command
    assert next_commands(results.empty()) == ()
