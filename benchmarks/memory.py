"""Peak activation memory in closed form against what a real forward allocates (torch's profiler).

    python -m benchmarks.memory [--json] [--record]

For one image, in evaluation mode, without gradients, on one thread. What the operators hold for a moment depends on the
processor, and the result names its instruction sets; ``bound`` and ``bound_default_layout`` do not, they are computed
from the layers (``benchmarks.memory_bound``). Exit code 1 where the values differ or a peak lies above its bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import torch

from archlab.cost import cost
from archlab.elaborate import elaborate
from archlab.grammar import parse_file
from archlab.nn.module import build
from archlab.resources import find_architecture
from archlab.units import format_bytes
from benchmarks.allocation import allocated
from benchmarks.machine import instruction_sets, machine, record, versions
from benchmarks.memory_bound import ANY_LAYOUT, CHANNELS_LAST, peak_bound

NETWORKS = ("mobilenet_v1", "resnet50", "resnext50_32x4d", "shufflenet_v1_g3", "shufflenet_v2_x1_0", "xception")
POINTWISE_IN_GROUPS = ("shufflenet_v1_g3", "shufflenet_v2_x1_0")
REMAINS = (
    "The values alive between operators equal the closed form to the byte. The peak lies above it by what operators"
    " allocate for a moment: oneDNN's copy of a convolution's weights in its blocked layout (9 MiB for ResNet-50's 3x3"
    " of 512 channels, and .3 MiB more where a processor's blocks do not divide the 512), and for tensors that are not"
    " channels-last its copies of a convolution's input and output. The caller's input and the parameters are in"
    " neither."
)


def compare(name: str) -> dict[str, Any]:
    """Return one network's closed form and measured bytes, in channels-last and in torch's default layout."""
    network = elaborate(parse_file(find_architecture(name)))
    module = build(network.graph).eval()
    closed = cost(network).memory
    needs = ANY_LAYOUT if name in POINTWISE_IN_GROUPS else CHANNELS_LAST
    last, default = (allocated(module, network.input_shape, channels_last=flag) for flag in (True, False))
    return {
        "network": name,
        "closed_form": closed,
        "values": last.values,
        "peak": last.peak,
        "above": round(last.peak / closed - 1, 4),
        "bound": peak_bound(network.graph, needs),
        "peak_default_layout": default.peak,
        "above_default_layout": round(default.peak / closed - 1, 4),
        "bound_default_layout": peak_bound(network.graph, ANY_LAYOUT),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/memory.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(name) for name in NETWORKS]
    result = {
        "worst": max(row["above"] for row in rows),
        "networks": rows,
        "what_remains": REMAINS,
        "machine": machine(),
        "instruction_sets": instruction_sets(),
        "versions": versions("torch"),
    }
    if args.record:
        record("memory", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(rows))
    return 0 if all(map(_holds, rows)) else 1


def _holds(row: dict[str, Any]) -> bool:
    within = row["peak"] <= row["bound"] and row["peak_default_layout"] <= row["bound_default_layout"]
    return bool(within and row["values"] == row["closed_form"])


def _table(rows: list[dict[str, Any]]) -> str:
    head = f"{'network':<20}{'closed form':>13}{'values':>13}{'peak':>13}{'above':>8}{'bound':>13}"
    head += f"{'default layout':>17}{'above':>8}{'bound':>13}"
    lines = [
        f"{row['network']:<20}{format_bytes(row['closed_form']):>13}{format_bytes(row['values']):>13}"
        f"{format_bytes(row['peak']):>13}{row['above']:>8.1%}{format_bytes(row['bound']):>13}"
        f"{format_bytes(row['peak_default_layout']):>17}{row['above_default_layout']:>8.1%}"
        f"{format_bytes(row['bound_default_layout']):>13}"
        for row in rows
    ]
    return "\n".join([head, *lines, "", REMAINS])


if __name__ == "__main__":
    sys.exit(main())
