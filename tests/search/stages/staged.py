"""Searches of several stages in the space of all search tests."""

from __future__ import annotations

import os
import subprocess
import sys

import archlab
from tests.search.conftest import TINY

CURVE = """\
for step in range(1, 5):
    trial.report(candidate.cost['params'] * (1 if step < 4 else 10), step)
    if trial.should_prune():
        raise optuna.TrialPruned(f'at step {step}')
return float(candidate.cost['params'])
"""
FAR_BELOW = "return -float(candidate.cost['params'])"


def run(tmp_path, then, objective="max:params", **options):
    options = {"trials": 12, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(archlab.parse(TINY), objective=objective, then=then, **options)


def best(result, name, count):
    """The numbers of the trials that are best by a first-stage objective to be maximised."""
    scored = [t for t in result.trials if name in t.values]
    return [t.number for t in sorted(scored, key=lambda t: (-t.values[name], t.number))[:count]]


def digests(result, numbers):
    return [next(t.digest for t in result.trials if t.number == n) for n in numbers]


def start(folder, objective, *more):
    command = [sys.executable, "-m", "archlab", "search", "tiny.arch", "-o", "max:params", "-n", 12,
               "--then", objective, "--keep", 8, "--no-latency", "--out", "out", *more]  # fmt: skip
    return subprocess.Popen([*map(str, command)], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")  # fmt: skip
