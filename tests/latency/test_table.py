"""A user's own table of networks and times."""

from __future__ import annotations

import json
import random

import pytest

from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.elaborate import Interpreter, Random, load
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.latency import read_predictor, read_profile
from archlab.latency.table import TablePredictor, fit_table, write_table
from archlab.search.counter import costs_of

TEXT = """net tiny(input=3x32x32)
stem: conv({8, 16, 24, 32}, 3, s=2)
body: repeat([1..4], conv({8, 16, 24, 32, 48}, {1, 3}))
head: gap -> fc(10)
"""


def networks(count=60):
    interpreter, rng = Interpreter(load(parse(TEXT))), random.Random(0)
    return [interpreter.network(Random(rng)) for _ in range(count)]


def seconds_of(network):
    costs = costs_of(network)
    return 1e-9 * costs["macs"] ** 0.8 * costs["activations"] ** 0.1


def test_times_that_follow_the_features_are_predicted(tmp_path):
    drawn = networks()
    table = fit_table("tiny", "phone.csv", drawn, [seconds_of(network) for network in drawn])
    assert table.error < 0.01
    assert table.kendall > 0.99
    write_table(tmp_path / "phone.json", table)
    predictor = read_profile(tmp_path / "phone.json")
    assert isinstance(predictor, TablePredictor)
    other = networks(80)[-1]
    predicted = predictor.predict(other)
    assert predicted.seconds == predictor(other) == pytest.approx(seconds_of(other), rel=0.02)
    assert predicted.low <= predicted.seconds <= predicted.high
    assert predicted.by == "the table phone.csv of 60 networks of tiny"
    with pytest.raises(InputError, match="says nothing of the layers of tiny"):
        predictor.by_node(other.graph)


def test_noise_is_told_as_error():
    drawn, rng = networks(), random.Random(1)
    table = fit_table("tiny", "t.csv", drawn, [seconds_of(n) * rng.choice([0.5, 2.0]) for n in drawn])
    assert table.error > 0.5


def test_too_few_networks_and_impossible_times_are_refused():
    drawn = networks(20)
    with pytest.raises(InputError, match="has 19 networks, and a fit needs at least 20"):
        fit_table("tiny", "t.csv", drawn[:19], [1.0] * 19)
    with pytest.raises(InputError, match=r"t\.csv, row 3: the latency must be above 0"):
        fit_table("tiny", "t.csv", drawn, [1.0, 1.0, 0.0] + [1.0] * 17)


def test_the_command_reads_a_table_and_says_its_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.arch").write_text(TEXT)
    drawn = networks()
    names = list(dict.fromkeys(name for network in drawn for name in network.draws if "mult" not in name))
    lines = [",".join([*names, "latency_ms"])]
    for network in drawn:
        values = [str(network.draws.get(name, "")) for name in names]
        lines.append(",".join([*values, str(1e3 * seconds_of(network))]))
    (tmp_path / "phone.csv").write_text("\n".join(lines) + "\n")
    code = run(cli, ["device", "fit", "--space", "tiny.arch", "--from", "phone.csv", "--out", "phone.json"])
    out, err = capsys.readouterr()
    assert (code, out) == (0, "phone.json\n")
    assert err.startswith("archlab: 60 networks; left-out ones are predicted within ")
    assert read_predictor("phone.json")(drawn[0]) == pytest.approx(seconds_of(drawn[0]), rel=0.02)


def test_show_prints_the_total_alone(tmp_path, capsys):
    drawn = networks(20)
    path = tmp_path / "phone.json"
    write_table(path, fit_table("tiny", "t.csv", drawn, [seconds_of(n) for n in drawn]))
    assert run(cli, ["show", "resnet18", "--profile", str(path)]) == 0
    out = capsys.readouterr().out
    assert "predicted for the table t.csv of 20 networks of tiny" in out
    assert run(cli, ["show", "resnet18", "--profile", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["latency"]["seconds"] > 0
    assert all(stage["latency"] is None for stage in data["stages"])


def test_a_table_without_times_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.arch").write_text(TEXT)
    (tmp_path / "t.csv").write_text("stem.conv.c\n8\n")
    code = run(cli, ["device", "fit", "--space", "tiny.arch", "--from", "t.csv", "--out", "o.json"])
    assert code == 2
    assert capsys.readouterr().err == (
        "archlab: t.csv has no column of times\n  hint: name it latency, latency_ms, latency_us\n"
    )


BROKEN = {
    "weights": ([1.0], "table.weights holds 1 numbers, not 10"),
    "center": ([], "table.center holds 0 numbers, not 10"),
    "error": (-1.0, "table.error holds -1.0"),
    "offset": ("x", "table.offset holds 'x'"),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_fit_is_one_line(part, tmp_path):
    value, message = BROKEN[part]
    drawn = networks(20)
    write_table(tmp_path / "t.json", fit_table("tiny", "t.csv", drawn, [seconds_of(n) for n in drawn]))
    data = json.loads((tmp_path / "t.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps(data | {part: value}))
    with pytest.raises(InputError) as caught:
        read_predictor(tmp_path / "t.json")
    assert message in caught.value.message
