"""What an audit takes, against fvcore and torch's FlopCounterMode: seconds and memory, cold and warm, in one run.

    python -m benchmarks.audit [--runs 3] [--only NAME] [--json] [--record]

Each count is made in a process of its own (cold), on one thread, of a model that is built beforehand, by a counter that
is imported beforehand; then a few times more in the same process (warm, the least is reported). Counters take turns, so
that all meet the same load; the median of ``--runs`` cold counts is reported, in CPU seconds. fvcore counts on
the CPU, as its users call it; the others on the meta device. Memory is what the process had at most above what it held
before the count. The whole command takes turns with processes that import the library and build the model without
memory, and no more: of torchvision, of timm, and of transformers where that is installed. Exit code 1 where a target is
missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import machine, record, versions

MODELS = {
    "torchvision:resnet50": 224,
    "torchvision:mobilenet_v2": 224,
    "torchvision:shufflenet_v2_x1_0": 224,
    "torchvision:resnext50_32x4d": 224,
    "torchvision:inception_v3": 299,
    "torchvision:vgg16": 224,
    "torchvision:alexnet": 224,
    "timm:legacy_xception": 299,
    "timm:vit_base_patch16_224": 224,
    "timm:swin_tiny_patch4_window7_224": 224,
    "timm:convnext_tiny": 224,
}
LARGE = {"timm:vit_giant_patch14_224": 224}
"""A thousand and twelve million parameters."""
HUGE = {"timm:vit_7b_patch16_dinov3": 256}
"""Over four thousand million: counted by the audit alone, which materialises nothing."""
COUNTERS = ("audit", "fvcore", "FlopCounterMode")
MIB = 2**20

CHILD = """
import gc, json, resource, sys, time, warnings, logging
warnings.simplefilter("ignore"); logging.disable(logging.WARNING)
counter, target, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
import torch
torch.set_num_threads(1)
library, _, name = target.partition(":")
if library == "timm":
    import timm
    make = lambda: timm.create_model(name)
else:
    import torchvision
    extra = {"init_weights": False} if name == "inception_v3" else {}
    make = lambda: torchvision.models.get_model(name, **extra)
real = counter == "fvcore"
if real:
    model, x = make().eval(), torch.zeros(1, 3, size, size)
else:
    from archlab.audit.build_model import build_without_memory
    model, x = build_without_memory(make).eval(), torch.empty(1, 3, size, size, device="meta")
if counter == "audit":
    from archlab.audit.audit_model import audit_model
    count = lambda: audit_model(model, (x,)).macs
elif counter == "fvcore":
    from fvcore.nn import FlopCountAnalysis
    count = lambda: FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
else:
    from torch.utils.flop_counter import FlopCounterMode
    model.requires_grad_(False)
    def count():
        with FlopCounterMode(display=False) as mode:
            model(x)
        return mode.get_total_flops() // 2
def resident():
    with open("/proc/self/status") as file:
        return {k: int(v.split()[0]) * 1024 for k, _, v in (l.partition(":") for l in file) if k in ("VmHWM", "VmRSS")}
gc.collect()
try:
    open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
except OSError:
    pass
before = resident()["VmRSS"]
start = time.process_time()
total = int(count())
cold = time.process_time() - start
extra = max(0, resident()["VmHWM"] - before)
warm = []
for _ in range(0 if real and cold > 3 else 3):
    start = time.process_time(); count(); warm.append(time.process_time() - start)
print(json.dumps({"total": total, "cold": cold, "warm": min(warm, default=cold), "extra": extra}))
"""

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "vocab_size": 1000,
}
"""A configuration of transformers: how large it is makes no difference without memory."""
BUILDS = {
    "torchvision:resnet50": "torchvision.models.resnet50()",
    "timm:vit_base_patch16_224": "timm.create_model('vit_base_patch16_224')",
    "hf:config.json": f"transformers.LlamaForCausalLM._from_config(transformers.LlamaConfig(**{LLAMA}))",
}
"""Targets of the whole command, and what else builds the same model."""


def count(counter: str, target: str, size: int) -> dict[str, Any]:
    """Return one cold count, and the least of some warm ones after it."""
    command = [sys.executable, "-c", CHILD, counter, target, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(target: str, size: int, runs: int, counters: tuple[str, ...] = COUNTERS) -> dict[str, Any]:
    """Return all counters on one model, in turns."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in counters}
    for _ in range(runs):
        for name in counters:
            found[name].append(count(name, target, size))
    return {
        "model": target,
        **{
            name: {
                "total": results[0]["total"],
                "cold": round(median(r["cold"] for r in results), 4),
                "warm": round(min(r["warm"] for r in results), 4),
                "extra_mib": round(median(r["extra"] for r in results) / MIB, 1),
            }
            for name, results in found.items()
        },
    }


def whole_process(runs: int) -> dict[str, dict[str, float]]:
    """Return CPU seconds of ``archlab audit TARGET`` and of importing and building the same model, as processes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
        for target, build in BUILDS.items():
            library = build.partition(".")[0]
            if find_spec(library) is None:
                continue
            base = f"import torch, {library}\nwith torch.device('meta'):\n    {build}"
            commands = {
                "archlab": [sys.executable, "-m", "archlab", "audit", target],
                "build": [sys.executable, "-c", base],
            }
            seconds: dict[str, list[float]] = {name: [] for name in commands}
            for _ in range(runs):
                for name, command in commands.items():
                    start = _spent_by_children()
                    subprocess.run(command, capture_output=True, check=True, cwd=folder)
                    seconds[name].append(_spent_by_children() - start)
            found[target] = {name: round(median(values), 3) for name, values in seconds.items()}
            found[target]["ratio"] = round(found[target]["archlab"] / found[target]["build"], 3)
    return found


def _spent_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(runs: int, only: str | None) -> dict[str, Any]:
    """Return the whole comparison with its targets."""
    rows = [compare(name, size, runs) for name, size in MODELS.items() if only is None or only in name]
    result: dict[str, Any] = {"models": rows, "runs": runs}
    for name in COUNTERS:
        result[name] = {key: round(sum(row[name][key] for row in rows), 4) for key in ("cold", "warm")}
    result["times_fvcore"] = round(result["fvcore"]["cold"] / result["audit"]["cold"], 2)
    result["times_flop_counter_mode"] = round(result["FlopCounterMode"]["cold"] / result["audit"]["cold"], 2)
    if only is None:
        ((name, size),) = LARGE.items()
        result["large"] = compare(name, size, 1)
        result["large"]["times_fvcore"] = round(result["large"]["fvcore"]["cold"] / result["large"]["audit"]["cold"], 1)
        ((name, size),) = HUGE.items()
        result["huge"] = compare(name, size, 1, ("audit",))
        result["process"] = whole_process(max(runs, 3))
        result["targets"] = targets(result)
    return result


def targets(result: dict[str, Any]) -> dict[str, bool]:
    """Return what is to be reached, and whether it is."""
    return {
        "at least 5 times quicker than fvcore, 11 models cold": result["times_fvcore"] >= 5,
        "no slower than FlopCounterMode on meta": result["times_flop_counter_mode"] >= 1,
        "at least 25 times quicker than fvcore on over a thousand million parameters": result["large"]["times_fvcore"]
        >= 25,
        "at most 20 MiB for each of the 11": max(row["audit"]["extra_mib"] for row in result["models"]) <= 20,
        "at most 60 MiB for over four thousand million parameters": result["huge"]["audit"]["extra_mib"] <= 60,
        "the command takes at most 1.3 times the importing and building": all(
            process["ratio"] <= 1.3 for process in result["process"].values()
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", help="models whose name holds this, and nothing else")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/audit.json")
    args = parser.parse_args()
    result = run(args.runs, args.only)
    result |= {"machine": machine(), "versions": _versions()}
    if args.record:
        record("audit", result)
    print(json.dumps(result, indent=2) if args.json else _table(result))
    return 0 if all(result.get("targets", {}).values()) else 1


def _versions() -> dict[str, str]:
    built = ("transformers",) if find_spec("transformers") else ()
    return versions("torch", "torchvision", "timm", "fvcore", *built)


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'CPU seconds, cold (warm)':<36}" + "".join(f"{name:>22}" for name in COUNTERS) + f"{'extra MiB':>24}"]
    for row in [*result["models"], *([result["large"], result["huge"]] if "large" in result else [])]:
        cells = "".join(
            f"{row[name]['cold']:>13.3f} ({row[name]['warm']:.3f})" if name in row else " " * 22 for name in COUNTERS
        )
        extra = " / ".join(f"{row[name]['extra_mib']:.0f}" for name in COUNTERS if name in row)
        lines.append(f"{row['model']:<36}{cells}{extra:>24}")
    lines.append(f"quicker than fvcore {result['times_fvcore']}x, FlopCounterMode {result['times_flop_counter_mode']}x")
    if "targets" in result:
        lines.append(f"large: {result['large']['times_fvcore']}x fvcore")
        lines += [f"whole process, {target}: {process}" for target, process in result["process"].items()]
        lines += [f"{'met   ' if met else 'MISSED'} {name}" for name, met in result["targets"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
