"""RoI operators beside torchvision's: same inputs, one thread, in turns, least times; ratios over a whole grid.

    python -m benchmarks.roi [--device cpu|cuda] [--repeat N] [--json] [--out FILE]

On CPU the figure is CPU time, which other processes on the machine disturb less than the clock; with the default
settings of malloc, whose page faults users pay, and with settings that avoid them. On CUDA it is the time between
events on the device. ``--json`` prints the record on stdout; progress goes to stderr.

``slowest_ratio`` is torchvision's time over archlab's, the least over all cases. ``over_copy`` is archlab's time over
that of copying the distinct pixels (summed over the RoIs) and the output once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine, versions
from benchmarks.roi_cases import Call, Case, grid, headlines
from benchmarks.roi_copy import CopyRate
from benchmarks.roi_cuda import cuda_lines

_TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
SETTINGS = {"default": {}, "tuned": _TUNED}
SHORTEST = 2.0
"""Milliseconds of a measurement: shorter calls are repeated until they take as long."""


def milliseconds(run: Call, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - start) * 1e3 / times


def measure(case: Case, repeat: int) -> dict[str, float]:
    """Return the least CPU time of each side, run in turns so that whatever disturbs the machine disturbs all."""
    calls = dict(case.ours)
    if case.theirs is not None:
        calls["torchvision"] = case.theirs
    first = {label: milliseconds(run, 1) for label, run in calls.items()}
    times = {label: max(1, min(200, int(SHORTEST / max(ms, 1e-3)))) for label, ms in first.items()}
    # What takes long varies less, and is warm from its first call on.
    slow = max(first.values()) > 100
    found = [
        {label: milliseconds(run, times[label]) for label, run in calls.items()} for _ in range(1 if slow else repeat)
    ]
    return {label: round(min(each[label] for each in [first, *found]), 4) for label in calls}


def cpu_lines(repeat: int) -> dict[str, Any]:
    """Measure the grid and the headlines in this process."""
    torch.set_num_threads(1)
    lines = []
    for case in grid():
        lines.append({"name": case.name, **measure(case, repeat)})
        print(f"  {lines[-1]}", file=sys.stderr, flush=True)
    rate = CopyRate()
    heads: list[tuple[Case, dict[str, float]]] = []
    for case in headlines():
        rate.measure()
        heads.append((case, measure(case, repeat)))
        rate.measure()
        lines.append({"name": case.name, **heads[-1][1]})
    over = {
        f"{case.name}, {label}": round(found[label] * rate.best / case.copied, 2)
        for case, found in heads
        for label in case.ours
    }
    return {"copy_GB_per_s": round(rate.best / 1e6, 1), "over_copy": over, "lines": lines}


def with_settings(name: str, repeat: int) -> dict[str, Any]:
    """Measure in a process of its own: malloc reads its settings as it starts."""
    print(f"malloc with {name} settings", file=sys.stderr, flush=True)
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"} | SETTINGS[name]
    command = [sys.executable, "-m", "benchmarks.roi", "--here", "--repeat", str(repeat)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def summary(by_setting: dict[str, Any]) -> dict[str, Any]:
    """Return the least ratios with the cases they are from, and ``over_copy`` by headline case."""
    ratios, pool, over_avg = [], [], []
    for setting, found in by_setting.items():
        times = {line["name"]: line for line in found["lines"]}
        for name, line in times.items():
            for label in ("channels_last", "nchw"):
                where = f"{name}, {label}, malloc {setting}"
                if "torchvision" in line:
                    ratios.append((line["torchvision"] / line[label], where))
                if "torchvision" in line and "pool" in name:
                    pool.append(ratios[-1])
                if " max " in name or " onnx_max " in name:
                    average = times[name.replace(" onnx_max ", " avg ").replace(" max ", " avg ")]
                    over_avg.append((line[label] / average[label], where))
    least, least_pool, most = min(ratios), min(pool), max(over_avg)
    return {
        "slowest_ratio": round(least[0], 2),
        "slowest_case": least[1],
        "slowest_pool_ratio": round(least_pool[0], 2),
        "slowest_pool_case": least_pool[1],
        "slowest_forward_pool_ratio": round(min(r for r in pool if r[1].startswith("forward"))[0], 2),
        "max_over_avg": round(most[0], 2),
        "max_over_avg_case": most[1],
        "cases": len(ratios),
        "over_copy": {setting: found["over_copy"] for setting, found in by_setting.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="RoI operators beside torchvision's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the record on stdout")
    parser.add_argument("--out", type=Path, help="write the record to a file as well")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(cpu_lines(options.repeat)))
        return 0
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA device here: GPU speed stays unmeasured", file=sys.stderr)
        return 1
    record: dict[str, Any] = {
        "device": options.device,
        "machine": machine(),
        "versions": versions("torch", "torchvision"),
    }
    if options.device == "cuda":
        record["unit"] = "milliseconds on the device"
        record["machine"]["gpu"] = torch.cuda.get_device_name()
        record["lines"] = [asdict(line) for line in cuda_lines(options.repeat)]
    else:
        record["unit"] = "milliseconds of CPU time, one thread"
        found = {name: with_settings(name, options.repeat) for name in SETTINGS}
        record |= summary(found) | {"measured": found}
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
