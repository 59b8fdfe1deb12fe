from __future__ import annotations

import csv
import math
import random

import numpy as np
import pytest

import archlab
from archlab.elaborate import Interpreter, Random, load
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.search.calibrate import (
    equal_cost_tau,
    fit,
    inputs_of,
    objective_of,
    read_calibration,
    read_lessons,
    write_calibration,
)
from archlab.search.objective import parse_goals
from tests.search.conftest import TINY


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


def test_a_value_that_the_features_hold_is_foretold_and_read_back_equal(networks, tmp_path):
    fitted = fit("tiny", networks, [truth(n) for n in networks])
    assert fitted.kendall > 0.95
    assert fitted.networks == len(networks) == 36
    for network in networks:
        assert fitted.value(inputs_of(network, ())) == pytest.approx(truth(network), abs=0.2)
    write_calibration(tmp_path / "c.json", fitted)
    assert read_calibration(tmp_path / "c.json") == fitted


def test_noise_is_not_foretold(networks):
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
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*names, "accuracy"])
        writer.writeheader()
        writer.writerows({**n.draws, "accuracy": truth(n)} for n in networks)
    read, values = read_lessons(path, interpreter, "accuracy")
    assert [n.digest for n in read] == [n.digest for n in networks]
    assert values == [truth(n) for n in networks]
    with pytest.raises(InputError, match="has no number in its column 'value'"):
        read_lessons(path, interpreter, None)
    path.write_text("stem.conv.c,value\n5,1.0\n")
    with pytest.raises(InputError, match=r"row 1: stem\.conv\.c cannot be '5' \(it takes \{4, 8\}\)"):
        read_lessons(path, interpreter, None)


def test_a_calibration_is_an_objective_by_its_file(networks, tmp_path):
    path = tmp_path / "tiny.json"
    write_calibration(path, fit("tiny", networks, [truth(n) for n in networks]))
    assert parse_goals([str(path)])[0].objective.direction == "maximize"
    result = archlab.search(
        archlab.parse(TINY), objective=str(path), trials=36, out=tmp_path / "out", latency=False, top=1
    )
    most = max(archlab.cost(n).params for n in networks)
    assert result.finalists[0].cost["params"] == pytest.approx(most, rel=0.2)
    again, _ = read_lessons(tmp_path / "out" / "result.json", Interpreter(load(parse(TINY))), None)
    assert len(again) == 36


def test_too_few_networks_and_broken_files_are_refused(networks, tmp_path):
    with pytest.raises(InputError, match="at least 10 networks"):
        fit("tiny", networks[:9], [truth(n) for n in networks[:9]])
    (tmp_path / "c.json").write_text('{"schema": "archlab.calibration/0"}')
    with pytest.raises(InputError, match="is not a calibration of this version"):
        objective_of(tmp_path / "c.json")
