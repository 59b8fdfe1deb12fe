from __future__ import annotations

import csv
import math
import random
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

import archlab
from archlab.elaborate import Interpreter, Random, fill_holes, load
from archlab.errors import InputError
from archlab.grammar import parse, unparse
from archlab.graph_features import FEATURES
from archlab.nn import build
from archlab.search.calibrate import calibrate
from archlab.search.calibration import (
    equal_cost_tau,
    fit,
    inputs_of,
    objective_of,
    read_calibration,
    read_trained,
    write_calibration,
)
from archlab.search.candidate import Candidate
from archlab.search.objective import parse_goals
from archlab.search.result import read_result
from tests.search.conftest import TINY
from tests.waiting import DEADLINE


@pytest.fixture
def interpreter():
    return Interpreter(load(parse(TINY)))


@pytest.fixture
def networks(interpreter):
    rng = random.Random(0)
    drawn = {n.digest: n for n in (interpreter.network(Random(rng)) for _ in range(200))}
    return list(drawn.values())


def truth(network):
    """A value that ridge on the features can tell: log params + 1 is one of them."""
    return 3 * math.log1p(archlab.cost(network).params) - 1


def test_a_value_that_the_features_hold_is_predicted_and_read_back_equal(networks, tmp_path):
    fitted = fit("tiny", networks, [truth(n) for n in networks])
    assert fitted.kendall > 0.95
    assert fitted.networks == len(networks) == 36
    for network in networks:
        assert fitted.value(inputs_of(network, ())) == pytest.approx(truth(network), abs=0.2)
    write_calibration(tmp_path / "c.json", fitted)
    assert read_calibration(tmp_path / "c.json") == fitted


def test_noise_is_not_predicted(networks):
    rng = random.Random(1)
    assert abs(fit("tiny", networks, [rng.random() for _ in networks]).kendall) < 0.4


def test_only_pairs_of_equal_macs_count():
    macs = np.array([100.0, 105.0, 1000.0])
    assert equal_cost_tau(np.array([1.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0]), macs) == 1.0
    assert equal_cost_tau(np.array([2.0, 1.0, 9.0]), np.array([1.0, 2.0, 3.0]), macs) == -1.0
    assert equal_cost_tau(np.array([2.0, 1.0]), np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None


def test_a_table_of_draws_is_read_and_its_faults_are_named(networks, interpreter, tmp_path):
    path = tmp_path / "trained.csv"
    names = sorted({name for n in networks for name in n.draws})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*names, "accuracy"])
        writer.writeheader()
        writer.writerows({**n.draws, "accuracy": truth(n)} for n in networks)
    read, values = read_trained(path, interpreter, "accuracy")
    assert [n.digest for n in read] == [n.digest for n in networks]
    assert values == [truth(n) for n in networks]
    with pytest.raises(InputError, match="has no column 'value'"):
        read_trained(path, interpreter, None)
    path.write_text("stem.conv.c,value\n5,1.0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 1: stem\.conv\.c cannot be '5' \(it takes \{4, 8\}\)"):
        read_trained(path, interpreter, None)


def test_a_calibration_is_an_objective_by_its_file(networks, tmp_path):
    path = tmp_path / "tiny.json"
    write_calibration(path, fit("tiny", networks, [truth(n) for n in networks]))
    assert parse_goals([str(path)])[0].objective.direction == "maximize"
    result = archlab.search(
        archlab.parse(TINY), objective=str(path), trials=36, out=tmp_path / "out", latency=False, top=1
    )
    most = max(archlab.cost(n).params for n in networks)
    assert result.finalists[0].cost["params"] == pytest.approx(most, rel=0.2)
    again, _ = read_trained(tmp_path / "out" / "result.json", Interpreter(load(parse(TINY))), None)
    assert len(again) == 36


def test_zero_cost_scores_are_inputs_beside_the_features(networks, tmp_path):
    # The norm of the first gradients hangs on the weights that a network begins with, so no graph feature holds it.
    values = [2 * inputs_of(n, ("grad_norm",))[-1] + 1 for n in networks]
    without, fitted = fit("tiny", networks, values), fit("tiny", networks, values, ("synflow", "grad_norm"))
    assert without.kendall < 0.8
    assert fitted.kendall > 0.99
    assert fitted.scores == ("synflow", "grad_norm")
    assert len(fitted.weights) == len(FEATURES) + 2
    write_calibration(tmp_path / "c.json", fitted)
    assert read_calibration(tmp_path / "c.json") == fitted
    for network, value in zip(networks, values, strict=True):
        assert fitted.value(inputs_of(network, fitted.scores)) == pytest.approx(value, abs=0.3)


def test_a_calibration_says_how_its_search_goes_and_what_it_reads_and_scores(tmp_path):
    said, stages = [], []

    @contextmanager
    def watched(stage):
        stages.append(stage.study)
        yield lambda history, note: said.append(note or str(history.evaluated))

    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    calibrate(
        str(tmp_path / "tiny.arch"), tmp_path / "fit.json", objective="params", trials=10, progress=watched,
        say=said.append,
    )  # fmt: skip
    assert set(stages) == {"tiny"}
    assert "10" in said[: said.index(f"reading {tmp_path / 'fit' / 'result.json'}")]
    assert said[-10:] == [f"scoring network {number} of 10" for number in range(1, 11)]


def test_a_calibration_with_scores_judges_the_module_that_it_is_given(networks, tmp_path):
    values = [inputs_of(n, ("grad_norm",))[-1] for n in networks]
    fitted = fit("tiny", networks, values, ("grad_norm",))
    write_calibration(tmp_path / "c.json", fitted)
    judge, network = objective_of(tmp_path / "c.json"), networks[0]
    candidate = Candidate(0, unparse(fill_holes(load(parse(TINY)), network)), network.graph, {}, network.draws, seed=0)
    module = build(network.graph, seed=0)
    assert judge(module, candidate, None) == pytest.approx(fitted.value(inputs_of(network, fitted.scores)), rel=1e-9)
    other = judge(build(network.graph, seed=1), candidate, None)
    assert other == fitted.value(inputs_of(network, fitted.scores, 0, build(network.graph, seed=1)))
    assert other != judge(module, candidate, None)


def archlab_command(*words):
    command = [sys.executable, "-m", "archlab", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_trains_fits_with_scores_and_its_file_is_searched_with(tmp_path, tiny_file, objective_file):
    objective = objective_file("return math.log(candidate.cost['params'])")
    out, found = tmp_path / "tiny.json", tmp_path / "found"
    more = ("--score", "synflow", "--score", "naswot", "--out", out)
    said = archlab_command("calibrate", tiny_file, "-o", objective, "-n", 12, *more)
    assert f"{out}: 12 networks; left-out Kendall" in said
    assert read_calibration(out).scores == ("synflow", "naswot")
    archlab_command("search", tiny_file, "-o", out, "-n", 8, "--no-latency", "--top", 1, "--out", found)
    assert [t.state for t in read_result(found / "result.json").trials].count("scored") == 8


def test_a_score_that_is_not_there_is_refused_by_name(networks):
    with pytest.raises(InputError, match="there is no score 'sinflow'\n  hint: did you mean synflow"):
        fit("tiny", networks, [truth(n) for n in networks], ("sinflow",))


def test_too_few_networks_and_broken_files_are_refused(networks, tmp_path):
    with pytest.raises(InputError, match="at least 10 networks"):
        fit("tiny", networks[:9], [truth(n) for n in networks[:9]])
    (tmp_path / "c.json").write_text('{"schema": "archlab.calibration/0"}', encoding="utf-8")
    with pytest.raises(InputError, match="is not a calibration of this version"):
        objective_of(tmp_path / "c.json")
