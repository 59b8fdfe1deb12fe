"""A search of a space of 36 networks, without measuring latency."""

from __future__ import annotations

import archlab
from tests.search.conftest import TINY


def run(tmp_path, objective="params", space=None, **options):
    options = {"trials": 8, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(space or archlab.parse(TINY), objective=objective, **options)
