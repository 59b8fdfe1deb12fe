"""Which policy is chosen, and what speaks against merging it, by the rules that were fixed before the searches."""

from __future__ import annotations

import pytest

from benchmarks.exploration import POLICIES, chosen, verdict

DATA = ("nb201_cifar100", "nb201_imagenet16")


def row(regret=0.5, evals=16.0, stuck=0.0, **more):
    return {"mean_regret": {"25": 1.0, "50": 0.7, "100": regret}, "median_evals": evals, "stuck": stuck, **more}


def test_the_lowest_regret_is_chosen_of_those_that_are_quick_on_macro():
    rows = {"nb201_cifar10": {name: row() for name in POLICIES}, "macro": {name: row() for name in POLICIES}}
    rows["nb201_cifar10"]["mean"] = row(0.0)
    rows["nb201_cifar10"]["paths"] = row(0.2)
    rows["nb201_cifar10"]["1 sd, paths"] = row(0.3)
    assert chosen(rows) == "paths", "the mean is what it is compared with"
    rows["macro"]["paths"] = row(evals=20.5)
    assert chosen(rows) == "1 sd, paths"
    rows["nb201_cifar10"]["1 sd"] = row(0.3)
    rows["nb201_cifar10"]["1 sd"]["mean_regret"]["25"] = 0.9
    assert chosen(rows) == "1 sd", "of equals the one that was ahead sooner"


@pytest.mark.parametrize(
    ("change", "against"),
    [
        ({}, []),
        ({"nb201_imagenet16": row(0.5, p=0.01)}, ["nb201_imagenet16: its mean regret is not lower"]),
        ({"nb201_cifar100": row(0.4, stuck=0.1, p=0.01)}, ["nb201_cifar100: it is stuck more often"]),
        ({task: row(0.4, p=0.05) for task in DATA}, ["p is at least .05 on both"]),
        ({"macro": row(evals=None)}, ["macro: its median is above 20"]),
    ],
)
def test_a_policy_is_merged_where_nothing_speaks_against_it(change, against):
    new = {"nb201_cifar100": row(0.4, p=0.2), "nb201_imagenet16": row(0.3, p=0.04), "macro": row()} | change
    rows = {task: {"mean": row(), "1 sd": each} for task, each in new.items()}
    assert verdict(rows, "1 sd") == {"policy": "1 sd", "against": against, "merged": not against}
