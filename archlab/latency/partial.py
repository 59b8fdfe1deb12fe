"""What was measured so far, in a file beside the profile to come: so that a measurement can be taken up again."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from archlab.decoding import MisfitError, decode
from archlab.errors import InputError
from archlab.files import write_atomic
from archlab.latency.gather import Carrier, KernelRuns
from archlab.latency.kernels import Kernel
from archlab.latency.profile import MAX_BYTES
from archlab.reading import read_json

Numbers = tuple[float, ...]


def write_partial(path: Path, of: dict[str, Any], carriers: list[Carrier]) -> None:
    """Write what was measured, and what it is a part of.

    Raises:
        InputError: the file cannot be written.
    """
    rows = [
        {
            "name": carrier.name,
            "whole": carrier.whole,
            "kinds": [runs.kernel.kind for runs in carrier.kernels],
            "numbers": [[*runs.kernel[1:], runs.count, *runs.seconds] for runs in carrier.kernels],
        }
        for carrier in carriers
    ]
    write_atomic(path, json.dumps({"of": of, "carriers": rows}) + "\n")


def read_partial(path: Path, of: dict[str, Any]) -> list[Carrier]:
    """Return what was measured for the same profile; nothing where there is none, or what is there is not its part."""
    with contextlib.suppress(InputError, MisfitError, TypeError, ValueError, KeyError):
        data = read_json(path, dict, MAX_BYTES)
        if json.dumps(data["of"]) == json.dumps(of):
            return [_carrier(row) for row in data["carriers"]]
    return []


def _carrier(row: dict[str, Any]) -> Carrier:
    sizes = len(Kernel._fields) - 1
    numbers = decode(tuple[Numbers, ...], row["numbers"], "numbers")
    kernels = [
        KernelRuns(Kernel(str(kind), *map(int, line[:sizes])), int(line[sizes]), tuple(line[sizes + 1 :]))
        for kind, line in zip(row["kinds"], numbers, strict=True)
    ]
    return Carrier(str(row["name"]), decode(Numbers, row["whole"], "whole"), tuple(kernels))
