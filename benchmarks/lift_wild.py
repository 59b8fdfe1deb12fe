"""Networks that nobody here wrote, with trained weights where the packages bring some: is the text the same network?

    python -m benchmarks.lift_wild [--only CRAFT] [--texts] [--record]

``make wild`` installs the packages and runs it; CI does not. A text is ``exact`` where it has the model's parameters
and MACs to the unit, is wired alike, and with the model's weights gives its outputs: models of PyTorch to 1e-6 of the
largest (or to 1e-9 in float64), ONNX files to 1e-4 of ONNX Runtime's. ``refused`` ones have the first reason. The exit
code is 1 where anything is otherwise than ``benchmarks.lift_wild_cases`` expects.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

import torch

import archlab
from archlab.errors import LiftError
from archlab.lift.lifted import Lifted
from archlab.lift.onnx.lift_onnx import lift_onnx
from benchmarks.lift_wild_cases import CASES, Case, folder_of, part_of
from benchmarks.machine import machine, record, versions

PACKAGES = ("torch", "onnx", "onnxruntime", "easyocr", *sorted({case.package for case in CASES}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a network.

    Attributes:
        state: ``exact``, ``refused``, or ``failed`` with the error as the reason.
        against: what its outputs were compared with.
        difference: the largest difference of the outputs, relative to the largest.
        seconds: of CPU time, reading the weights included.
        expected: whether it is as it should be.
    """

    name: str
    package: str
    weights: str
    state: str
    against: str
    difference: float | None = None
    params: int = 0
    macs: int = 0
    characters: int = 0
    lines: int = 0
    seconds: float = 0.0
    reason: str = ""
    expected: bool = True


def lifted_of(case: Case) -> Lifted:
    """Lift a network with its weights."""
    if isinstance(case.source, str):
        path = folder_of(case.folder) / case.source
        with tempfile.TemporaryDirectory() as folder:
            return lift_onnx(part_of(path, case.until, Path(folder)) if case.until else path, case.shape, case.output)
    return archlab.lift(case.source().eval(), case.shape, output=case.output)


def outcome_of(case: Case, seen: Callable[[Lifted], None] = lambda _: None) -> Outcome:
    """Lift a network, and say whether it went as expected."""
    against = "ONNX Runtime" if isinstance(case.source, str) else "PyTorch"
    about = (case.name, case.package, case.weights)
    start = process_time()
    try:
        lifted = lifted_of(case)
    except LiftError as error:
        expected = bool(case.refused and error.reasons) and any(case.refused in reason for reason in error.reasons)
        state = "refused" if error.reasons else "failed"
        return Outcome(*about, state, against, reason=(error.reasons or (error.message,))[0], expected=expected)
    except Exception as error:  # a fault of ours or of the package, to be seen in the table
        return Outcome(*about, "failed", against, reason=f"{type(error).__name__}: {error}"[:300], expected=False)
    seconds = round(process_time() - start, 2)
    seen(lifted)
    return Outcome(
        *about, "exact", against, lifted.difference, lifted.params, lifted.macs, len(lifted.text),
        lifted.text.count("\n"), seconds, "", not case.refused and lifted.difference is not None,
    )  # fmt: skip


def main() -> int:
    """Lift every network, print a line for each, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PART", help="a part of the names to lift")
    parser.add_argument("--texts", action="store_true", help="print the texts too")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/lift_wild.json")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    outcomes = []
    for case in CASES:
        if options.only in case.name:
            outcomes.append(outcome_of(case, (lambda lifted: print(lifted.text)) if options.texts else lambda _: None))
            print(_line(outcomes[-1]), flush=True)
    good = sum(outcome.expected for outcome in outcomes)
    exact = sum(outcome.state == "exact" for outcome in outcomes)
    refused = sum(outcome.state == "refused" for outcome in outcomes)
    print(f"{exact} exact, {refused} refused, {len(outcomes) - exact - refused} failed; {good} as expected")
    if options.record:
        rows = [asdict(outcome) for outcome in outcomes]
        record("lift_wild", {"outcomes": rows, "versions": versions(*PACKAGES), "machine": machine()})
    return int(good != len(outcomes))


def _line(outcome: Outcome) -> str:
    start = f"{outcome.name:37} {outcome.weights:6} {outcome.state:8}"
    if outcome.state != "exact":
        return f"{start} {outcome.reason}"
    same = "to the bit" if outcome.difference == 0 else f"{outcome.difference:.1e}"
    counts = f"{outcome.params:>11,} params {outcome.macs:>14,} MACs"
    return f"{start} {counts} {outcome.lines:>3} lines {outcome.characters:>5} characters  {same}, {outcome.against}"


if __name__ == "__main__":
    sys.exit(main())
