"""Every convolutional network of torchvision and timm: can it be written as text, and is the text the same network?

    python -m benchmarks.lift torchvision [--only 'resnet*'] [--processes 2] [--every 5] [--json] [--record]
    python -m benchmarks.lift timm

A name is ``exact`` where the text is elaborated with the parameters and MACs of the model to the unit, and is wired
alike. Up to ``--largest`` parameters the model is also built for real with random batch-norm statistics, lifted for
images of at most 128 pixels a side, and its outputs are compared; larger ones have no data. ``refused`` names have the
first reason; ``not written`` are those whose text did not pass the verification. ``wrong`` would be a text that passes
it and computes something else, and makes the exit code 1. Times are seconds of the processor; those for 500 operators
are without tracing, of networks with at least 250. Of timm, models whose trace has attention are left out, and
counted.
"""

from __future__ import annotations

import argparse
import fnmatch
import gc
import json
import multiprocessing
import statistics
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

from benchmarks.machine import machine, record, versions

_NO_CLASSIFIERS = "vit_* swin_* swin3d_* maxvit_* quantized_* raft_* mvit_* s3d r3d_* mc3_* r2plus1d_* *rcnn* ssd* "
_NO_CLASSIFIERS += "retinanet* fcos* keypoint*"
SIDE = 128
"""The longest side of the images on which outputs are compared."""
LARGE = 250
"""Operators from which a network's time is told for 500; what is done once for all networks weighs less there."""


@dataclass(frozen=True)
class Outcome:
    """What became of a name: exact, refused, not written, wrong or attention, and with what figures.

    ``seconds`` are of the processor, from the model without data to its text, and ``lifting`` those of them behind the
    trace of its ``operators``.
    """

    name: str
    state: str
    reason: str = ""
    characters: int = 0
    lines: int = 0
    difference: float | None = None
    seconds: float = 0.0
    operators: int = 0
    lifting: float = 0.0


def lift_one(name: str, largest: int) -> Outcome:
    """Lift one target."""
    import torch

    from archlab.audit.build_model import build_for_real, build_without_memory
    from archlab.audit.targets import find_targets
    from archlab.errors import AuditError, LiftError
    from archlab.lift.capture import capture, tensors_of
    from archlab.lift.lift_model import lift_model
    from archlab.lift.lift_trace import lift_trace

    (target,) = find_targets(name)
    try:
        model = build_without_memory(target.make)
        if _attends(model, target):
            return Outcome(name, "attention")
        spec = target.inputs(model, 1)
        assert spec is not None
        output = "out" if "segmentation" in type(model).__module__ else None
        gc.disable()  # as timeit does: what it collects is of the models before
        start = process_time()
        trace = capture(model, spec.make("meta")[0])
        traced = process_time()
        lifted, _ = lift_trace(trace, tensors_of(model), name.partition(":")[2], output)
        end = process_time()
        difference = None
        if lifted.params <= largest:
            torch.manual_seed(0)
            real = randomised(build_for_real(target.make))
            small = (1, 3, *(min(side, SIDE) for side in spec.args[0].shape[2:]))
            difference = lift_model(real, (small,), "small", output).difference
    except LiftError as error:
        state = "refused" if error.reasons else "wrong" if "outputs differ" in error.message else "not written"
        return Outcome(name, state, (error.reasons or (error.message,))[0][:300])
    except (AuditError, AssertionError) as error:
        return Outcome(name, "no forward", str(error)[:200])
    except Exception as error:  # a fault of ours, to be seen in the table
        return Outcome(name, "not written", f"{type(error).__name__}: {error}"[:300])
    finally:
        gc.enable()
    return Outcome(
        name,
        "exact",
        characters=len(lifted.text),
        lines=lifted.text.count("\n"),
        difference=difference,
        seconds=round(end - start, 2),
        operators=len(trace.calls),
        lifting=round(end - traced, 3),
    )


def randomised(model: Any) -> Any:
    """Give batch norms statistics that are not 0 and 1."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for module in model.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model


def _attends(model: Any, target: Any) -> bool:
    from archlab.lift.capture import capture

    spec = target.inputs(model, 1)
    ops = {call.op for call in capture(model, *spec.make("meta")).calls}
    return bool(ops & {"scaled_dot_product_attention", "matmul", "bmm", "einsum", "baddbmm"})


def names_of(library: str, only: str, every: int) -> list[str]:
    """Return the targets to try."""
    if library == "torchvision":
        from torchvision import models

        names = [n for n in models.list_models() if not any(fnmatch.fnmatch(n, p) for p in _NO_CLASSIFIERS.split())]
    else:
        import timm

        names = timm.list_models()
    return [f"{library}:{name}" for name in names if fnmatch.fnmatch(name, only)][::every]


def _start() -> None:
    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def run(names: list[str], processes: int, largest: int, watch: Callable[[Outcome], None]) -> list[Outcome]:
    """Lift all names in processes of their own, each for a while."""
    context = multiprocessing.get_context("spawn")
    outcomes = []
    with context.Pool(processes, initializer=_start, maxtasksperchild=200) as pool:
        for outcome in pool.imap_unordered(_lift_one, [(name, largest) for name in names]):
            outcomes.append(outcome)
            watch(outcome)
    return sorted(outcomes, key=lambda outcome: outcome.name)


def _lift_one(task: tuple[str, int]) -> Outcome:
    return lift_one(*task)


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the table to print and record."""
    states = Counter(outcome.state for outcome in outcomes)
    exact = [outcome for outcome in outcomes if outcome.state == "exact"]
    compared = [outcome.difference for outcome in exact if outcome.difference is not None]
    paces = [500 * outcome.lifting / outcome.operators for outcome in exact if outcome.operators >= LARGE]
    reasons = Counter(_kind(outcome.reason) for outcome in outcomes if outcome.state == "refused")
    return {
        "names": len(outcomes),
        "exact": len(exact),
        "refused": states["refused"],
        "wrong": states["wrong"],
        "not_written": states["not written"],
        "attention": states["attention"],
        "no_forward": states["no forward"],
        "outputs_compared": len(compared),
        "outputs_equal_to_the_bit": compared.count(0.0),
        "largest_difference": max(compared, default=0.0),
        "median_characters": statistics.median([outcome.characters for outcome in exact] or [0]),
        "median_seconds": statistics.median([outcome.seconds for outcome in exact] or [0]),
        "median_lifting_of_500_operators": round(statistics.median(paces or [0]), 3),
        "slowest_lifting_of_500_operators": round(max(paces, default=0), 3),
        "reasons": dict(reasons.most_common()),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }


def _kind(reason: str) -> str:
    """Return a reason without its place and numbers."""
    words = reason.split(": ", 1)[-1]
    return "".join("#" if c.isdigit() else c for c in words)[:90]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=["torchvision", "timm"])
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try every Nth name alone")
    parser.add_argument("--largest", type=int, default=70_000_000, help="parameters up to which outputs are compared")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/lift_LIBRARY.json")
    args = parser.parse_args()

    def watch(outcome: Outcome) -> None:
        print(f"{outcome.state:10} {outcome.name} {outcome.reason}", file=sys.stderr, flush=True)

    outcomes = run(names_of(args.library, args.only, args.every), args.processes, args.largest, watch)
    result = summary(outcomes)
    result |= {"every": args.every, "machine": machine(), "versions": versions("torch", "torchvision", "timm")}
    if args.record:
        record(f"lift_{args.library}", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 1 if result["wrong"] else 0


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{name.replace('_', ' '):26} {value}" for name, value in result.items() if not isinstance(value, dict | list)
    ]
    lines += [f"  {count:4} {reason}" for reason, count in result["reasons"].items()]
    faults = [o for o in result["outcomes"] if o["state"] in ("wrong", "not written")]
    lines += [f"  {o['state']}: {o['name']}: {o['reason']}" for o in faults]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
