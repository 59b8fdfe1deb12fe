"""What a study carries: exactly these attributes, of which other versions' studies are made too."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import optuna

import archlab
from archlab.search.request import make_plan
from archlab.search.storage.trial_record import PLAN, SETUP
from archlab.search.study.carried_plan import identity_of, read_plan, setup_of
from tests.search.conftest import TINY


def plan(out="out"):
    return make_plan(archlab.parse(TINY), objective=["params", "max:macs"], then=["synflow", "min:zen"], keep="50%",
                     budget=["macs=90k", "latency=1s"], trials=9, seed=3, study="mine", device="cpu",
                     out=out)  # fmt: skip


def test_what_must_be_the_same_for_a_study_to_be_resumed():
    first, second, third = plan().stages
    assert identity_of(plan(), first) == {
        "archlab": importlib.metadata.version("archlab"),
        "space": archlab.unparse(archlab.parse(TINY)),
        "budget": {"macs": 90_000.0, "latency": 1.0},
        "objectives": ["minimize params", "maximize macs"],
        "seed": 3,
    }
    later = identity_of(plan(), third)
    assert (later["budget"], later["objectives"]) == ({"macs": 90_000.0}, ["minimize zen"])
    assert later["after"] == ["params", "macs", "synflow"]
    assert "after" not in identity_of(plan(), first)
    assert identity_of(plan(), second)["after"] == ["params", "macs"]


def test_what_else_a_worker_needs():
    first, second, _ = plan().stages
    setup = {"trials": 9, "sampler": "screen", "pruner": None, "stage": 1, "threads": 1, "trial_timeout": None,
             "max_deaths": 3, "keep_going": False, "heartbeat": 30, "max_nodes": 20_000,
             "data": None, "code": {}, "device": "cpu", "folder": str(Path("out").resolve())}  # fmt: skip
    then = [
        {"study": "mine/2-synflow", "objective": "maximize synflow", "keep": "50%"},
        {"study": "mine/3-zen", "objective": "minimize zen", "keep": "25%"},
    ]
    assert setup_of(plan(), first) == {**setup, "then": then}
    assert setup_of(plan(), second) == {**setup, "trials": 0, "stage": 2, "then": []}


def test_a_worker_reads_the_stage_as_it_was_planned(tmp_path):
    made = plan(tmp_path)
    study = optuna.create_study(study_name="mine", directions=["minimize", "maximize"])
    study.set_user_attr(PLAN, identity_of(made, made.stages[0]))
    study.set_user_attr(SETUP, setup_of(made, made.stages[0]))
    carried = read_plan(study, "here", trusted=())
    assert carried.stage == made.stages[0]
    assert archlab.unparse(carried.space.architecture) == made.text
    assert (carried.task, carried.heartbeat) == (None, 30)
    tmp_path.rmdir()
    assert read_plan(study, "here", trusted=()).stage.folder is None, "another machine does not have it"
