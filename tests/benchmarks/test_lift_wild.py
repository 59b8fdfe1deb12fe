"""The lifts of other packages' networks: what is said of a success, of a refusal and of a surprise; and the record."""

from __future__ import annotations

import json

import pytest
from torch import nn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from archlab.lift.onnx.lift_onnx import lift_onnx
from benchmarks.lift_wild import outcome_of
from benchmarks.lift_wild_cases import CASES, Case, folder_of, part_of
from benchmarks.machine import RESULTS
from tests.lift.onnx_files import node, save


class Broken(nn.Module):
    def forward(self, x):
        return x.cumsum(1)


@pytest.mark.parametrize(
    ("make", "refused", "state", "expected"),
    [
        (nn.ReLU, "", "exact", True),
        (nn.ReLU, "cumsum", "exact", False),
        (Broken, "cumsum", "refused", True),
        (Broken, "matmul", "refused", False),
        (Broken, "", "refused", False),
        (lambda: folder_of("no_such_package"), "", "failed", False),
    ],
)
def test_an_outcome_is_held_against_what_is_expected(make, refused, state, expected):
    outcome = outcome_of(Case("a", "b", make, (1, 3, 4, 4), refused=refused))
    assert (outcome.state, outcome.expected) == (state, expected)
    assert (outcome.difference == 0.0) == (state == "exact")
    assert bool(outcome.reason) == (state != "exact")


def test_a_part_of_an_onnx_file_ends_with_the_tensor_that_was_named(tmp_path):
    path = save(tmp_path / "all.onnx", [node("Relu", "x", "a"), node("CumSum", "a one", "y")], {}, [1, 3, 4, 4])
    (tmp_path / "part").mkdir()
    assert [n.op for n in lift_onnx(part_of(path, "a", tmp_path / "part")).graph] == ["relu"]


def test_the_record_has_every_network_as_it_is_expected():
    outcomes = json.loads((RESULTS / "lift_wild.json").read_text(encoding="utf-8"))["outcomes"]
    assert [outcome["name"] for outcome in outcomes] == [case.name for case in CASES]
    for outcome, case in zip(outcomes, CASES, strict=True):
        assert outcome["expected"]
        assert outcome["state"] == ("refused" if case.refused else "exact")
        if not case.refused:
            assert outcome["difference"] <= (1e-4 if outcome["against"] == "ONNX Runtime" else 1e-6)
