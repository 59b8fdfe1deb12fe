"""The promise on PostgreSQL: a few of the faults of ``python -m benchmarks.faults``."""

from __future__ import annotations

import gc

import pytest
import torch

from benchmarks.faults import sweep, warm_up


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "workers", "first", "every"),
    [("full disk", 1, 5, 25), ("Ctrl-C after", 1, 9, 25), ("killed before", 1, 7, 12), ("killed after", 2, 8, 12)],
)
def test_a_fault_at_a_write_loses_no_evaluation_on_a_server_either(database, monkeypatch, kind, workers, first, every):
    monkeypatch.setenv("ARCHLAB_POSTGRES", database)
    threads = torch.get_num_threads()
    warm_up()
    cases = list(sweep("postgresql", workers, kind, every, first))
    gc.unfreeze()
    torch.set_num_threads(threads)
    assert cases
    assert {f"{case.fault.kind} at write {case.fault.at}": broken for case, broken in cases if broken} == {}
