"""Every model of timm whose MACs and parameters are published: do the audit's counts agree, and where not, why?

    python -m benchmarks.zoo COUNTS.csv [--processes 2] [--only 'resnet*'] [--json] [--record]

``COUNTS.csv`` has the columns model, img_size, gmacs, mparams (timm's ``results/`` folder). The published figures are
fvcore's: MACs with norms, pooling and interpolation, two decimals, in millions and billions. A model agrees
where the audit's columns add up to them to the last printed digit, as built or with its branches merged. Where not,
the cause is looked for among what is known: operators that fvcore does not see, and figures that are out of date.
Exit code 1 where one remains without a cause, or a model cannot be audited.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import json
import multiprocessing
import resource
import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.machine import machine, record, versions

WRONG = {
    "ecaresnext50t_32x4d": "the published figure is that of an earlier definition of the model",
    "vit_large_patch16_rope_mixed_ape_224": "fvcore's matmul leaves out the batch that only the right factor has",
}
"""Published figures that are wrong for a reason that the operators do not tell by themselves."""


@dataclass(frozen=True)
class Published:
    """A line of the table."""

    model: str
    size: int
    gmacs: float
    mparams: float


@dataclass(frozen=True)
class Verdict:
    """What became of a model: ``built`` or ``deployed`` agrees, ``cause`` tells why not, or it ``failed``."""

    model: str
    state: str
    cause: str
    gmacs: float
    mparams: float
    published: tuple[float, float]
    seconds: float


def judge(line: Published) -> Verdict:
    """Audit one model and compare."""
    start = perf_counter()
    try:
        state, cause, gmacs, mparams = _compare(line)
    except Exception as error:
        state, cause, gmacs, mparams = "failed", f"{type(error).__name__}: {error}"[:300], 0.0, 0.0
    seconds = perf_counter() - start
    return Verdict(line.model, state, cause, gmacs, mparams, (line.gmacs, line.mparams), round(seconds, 3))


def _compare(line: Published) -> tuple[str, str, float, float]:
    import timm

    from archlab.audit.audit_model import audit_as_built
    from archlab.audit.build_model import build_without_memory
    from archlab.audit.conventions import fvcore_total, is_missed_by_fvcore
    from archlab.audit.deployed import has_branches, merge_branches
    from archlab.audit.input_spec import images

    if line.model not in timm.list_models():
        return "absent", "this timm has no such model", 0.0, 0.0
    model = build_without_memory(lambda: timm.create_model(line.model, pretrained=False))
    args, kwargs = images((3, line.size, line.size)).make("meta")
    audit = audit_as_built(model, args, kwargs)
    built = fvcore_total(audit.operators), audit.params
    if _agrees(built, line):
        return "built", "", built[0] / 1e9, built[1] / 1e6
    seen = built
    if has_branches(model):
        audit = audit_as_built(merge_branches(model), args, kwargs)
        seen = fvcore_total(audit.operators), audit.params
        if _agrees(seen, line):
            return "deployed", "", seen[0] / 1e9, seen[1] / 1e6
    if any(o.op == "scaled_dot_product_attention" for o in audit.operators):
        explicit = audit_as_built(_with_explicit_attention(line.model), args, kwargs)
        if _agrees((fvcore_total(explicit.operators), explicit.params), line):
            more = (seen[0] - fvcore_total(explicit.operators)) / 1e9
            cause = f"published with explicit attention; this model's fused path does {more:.2f} G more"
            return "explicit attention", cause, seen[0] / 1e9, seen[1] / 1e6
    unseen = Counter(o.target for o in audit.operators if o.macs and is_missed_by_fvcore(o))
    visible = seen[0] - sum(o.macs for o in audit.operators if is_missed_by_fvcore(o))
    figures = seen[0] / 1e9, seen[1] / 1e6
    if unseen and _agrees((visible, seen[1]), line):
        missed = ", ".join(f"{n} {target}" for target, n in unseen.items())
        return "published is wrong", f"fvcore does not see {missed}", *figures
    if line.model in WRONG:
        return "published is wrong", WRONG[line.model], *figures
    return "unexplained", f"{figures[0]:.4f} G, {figures[1]:.4f} M", *figures


def _with_explicit_attention(name: str) -> Any:
    """Return the model with attention as products and a softmax."""
    import timm
    from timm.layers.config import set_fused_attn

    from archlab.audit.build_model import build_without_memory

    set_fused_attn(False)
    try:
        return build_without_memory(lambda: timm.create_model(name, pretrained=False))
    finally:
        set_fused_attn(True)


def _agrees(counts: tuple[int, int], line: Published) -> bool:
    """Return whether both agree to the printed precision: two decimals, either way at a half."""
    return abs(counts[0] / 1e9 - line.gmacs) < 0.0050001 and abs(counts[1] / 1e6 - line.mparams) < 0.0050001


def published(path: Path, pattern: str) -> list[Published]:
    """Return the lines of the table."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [Published(r["model"], int(r["img_size"]), float(r["gmacs"]), float(r["mparams"])) for r in rows]
    return [line for line in lines if fnmatch.fnmatch(line.model, pattern)]


def _start() -> None:
    import gc

    import torch

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    import timm  # noqa: F401

    gc.freeze()


def _peak_memory(_: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(lines: list[Published], processes: int) -> tuple[list[Verdict], float, int]:
    """Return verdicts, the seconds that they took, start of the processes included, and the largest process in MiB."""
    start = perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, initializer=_start) as pool:
        verdicts = list(pool.imap_unordered(judge, lines, chunksize=4))
        memory = max(pool.map(_peak_memory, range(processes), chunksize=1))
    return sorted(verdicts, key=lambda v: v.model), perf_counter() - start, memory


def summary(verdicts: Iterable[Verdict], seconds: float, memory: int) -> dict[str, Any]:
    """Return the result to print and record."""
    verdicts = list(verdicts)
    states = Counter(v.state for v in verdicts)
    return {
        "models": len(verdicts),
        "agree_as_built": states["built"],
        "agree_as_deployed": states["deployed"],
        "agree_with_explicit_attention": states["explicit attention"],
        "published_is_wrong": states["published is wrong"],
        "absent": states["absent"],
        "unexplained": states["unexplained"],
        "failed": states["failed"],
        "seconds": round(seconds, 1),
        "largest_process_mib": memory,
        "differ": [asdict(v) for v in verdicts if v.state not in ("built", "deployed")],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=Path, help="the table of published counts")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/zoo.json")
    args = parser.parse_args()
    lines = published(args.counts, args.only)
    result = summary(*run(lines, args.processes))
    result |= {"processes": args.processes, "machine": machine(), "versions": versions("torch", "timm")}
    if args.record:
        record("zoo", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 1 if result["unexplained"] or result["failed"] else 0


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['models']} models in {result['seconds']} s on {result['processes']} processes"
        f" of at most {result['largest_process_mib']} MiB",
        f"agree with the published counts: {result['agree_as_built']} as built,"
        f" {result['agree_as_deployed']} as deployed,"
        f" {result['agree_with_explicit_attention']} with explicit attention",
        f"differ: {result['published_is_wrong']} where the published figure is wrong,"
        f" {result['unexplained']} unexplained, {result['failed']} failed, {result['absent']} absent from this timm",
    ]
    for row in result["differ"]:
        ours = f"{row['gmacs']:.2f} G {row['mparams']:.2f} M"
        theirs = f"{row['published'][0]:.2f} G {row['published'][1]:.2f} M"
        lines.append(f"  {row['model']}: {ours}, published {theirs}: {row['state']}: {row['cause']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
