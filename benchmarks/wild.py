"""Audits of models that nobody here wrote: transformers, diffusers, segmentation models, monai, graph networks.

``make wild`` installs the packages and runs it; CI does not. Every configuration is small and has random weights. Its
MACs on tensors without data, with real weights and with none, must equal half of what torch's FlopCounterMode counts
when it runs for real with explicit attention, or the count by hand that stands beside it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archlab
from archlab.audit.build_model import build_without_memory
from benchmarks.machine import machine, record, versions
from benchmarks.wild_models import CASES, Case


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an audit of one configuration came to.

    Attributes:
        macs: of the audit; None where it failed.
        expected: half of FlopCounterMode's count, or the count by hand.
        devices: ``meta`` or ``real``, with real weights and with none.
        problem: what is not as it should be; empty where all is well.
        seconds: of CPU time for the audit with real weights.
    """

    name: str
    package: str
    macs: int | None
    expected: int | None
    devices: tuple[str, ...]
    problem: str
    seconds: float


def main() -> None:
    """Audit every configuration whose package is installed, print a line for each, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a part of the names to run")
    parser.add_argument("--record", action="store_true", help="write the record beside the others")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    outcomes = []
    for case in CASES:
        if options.only in f"{case.package}/{case.name}":
            outcomes.append(audited(case))
            show(outcomes[-1])
    good = [outcome for outcome in outcomes if not outcome.problem]
    print(f"{len(good)} of {len(outcomes)} equal, and on meta with real weights and with none")
    if options.record:
        names = sorted({case.package for case in CASES})
        packages = {name: getattr(importlib.import_module(name), "__version__", "?") for name in names}
        rows = [asdict(outcome) for outcome in outcomes]
        record("wild", {"outcomes": rows, "versions": {**versions(), **packages}, "machine": machine()})
    sys.exit(len(good) != len(outcomes))


def audited(case: Case) -> Outcome:
    """Audit one configuration with real weights and with none, and compare."""
    try:
        torch.manual_seed(0)
        model = case.make().eval().requires_grad_(False)
        args, kwargs = case.inputs()
        blank = build_without_memory(case.make).eval()
        began = time.process_time()
        real = archlab.audit(model, *args, **kwargs)
        seconds = time.process_time() - began
        without = archlab.audit(blank, *args, **kwargs)
        expected = case.macs if case.macs is not None else counted(model, args, kwargs)
    except Exception as error:
        words = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        return Outcome(case.name, case.package, None, None, (), words, 0.0)
    problems = [
        f"MACs {real.macs} are not {expected}" * (real.macs != expected),
        f"without weights {without.macs}" * (without.macs != real.macs),
        f"real: {real.reason}" * (real.device != "meta"),
        f"real without weights: {without.reason}" * (without.device != "meta"),
        f"not counted: {', '.join(row.op for row in real.uncounted)}" * bool(real.uncounted),
    ]
    return Outcome(
        case.name, case.package, real.macs, expected, (real.device, without.device), "; ".join(filter(None, problems)),
        round(seconds, 3),
    )  # fmt: skip


def counted(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Return half of what FlopCounterMode counts of a real forward with explicit attention."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(*args, **kwargs)
    return int(counter.get_total_flops()) // 2


def show(outcome: Outcome) -> None:
    """Print one line."""
    end = outcome.problem or "equal"
    print(f"{outcome.package + '/' + outcome.name:44} {outcome.macs or 0:>15,}  {end}", flush=True)


if __name__ == "__main__":
    main()
