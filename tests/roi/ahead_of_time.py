"""Triton kernels compiled ahead of time for real targets, without a GPU: registers, machine code and PTX."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from archlab.roi.triton_arguments import (
    BLOCK,
    COMPILER_OPTIONS,
    SCAN,
    TABLE_BLOCK,
    TILE_X,
    TILE_Y,
    WARP_BLOCK,
)
from archlab.roi.triton_average import average_kernel, product_kernel
from archlab.roi.triton_boxes import LEVEL_NUMBERS, LEVELS, MODES
from archlab.roi.triton_choices import chosen_kernel
from archlab.roi.triton_maxima import pooled_maximum_kernel, sampled_maximum_kernel
from archlab.roi.triton_tables import tables_kernel
from archlab.roi.triton_transposes import spread_choices_kernel, spread_kernel
from tests.waiting import DEADLINE

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
LEVEL_COUNT = 4


@dataclass(frozen=True)
class Compiled:
    """What the compiler made: the registers' report, the machine's code (SASS) and the PTX."""

    usage: str
    code: str
    ptx: str

    @property
    def spills(self) -> bool:
        """Spilled registers live on the stack, in local memory."""
        return "STACK:0 " not in self.usage or "LOCAL:0 " not in self.usage or "LDL" in self.code or "STL" in self.code


def compiled(
    kernel: Any, types: dict[str, str], constants: dict[str, object], target: int, warps: int, folder: Path
) -> Compiled:
    """Compile as the launches do; pointers are known to be multiples of 16, other numbers of nothing."""
    names = kernel.arg_names
    signature = types | dict.fromkeys(constants, "constexpr")
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if signature[name].startswith("*")}
    source = ASTSource(kernel, signature, {(names.index(k),): v for k, v in constants.items()}, aligned)
    options = {"num_warps": warps, **COMPILER_OPTIONS}
    binary = triton.compile(source, target=GPUTarget("cuda", target, 32), options=options)
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(binary.asm["cubin"])

    def tool(name: str, *options: str) -> str:
        command = [TOOLS / name, *options, cubin]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE).stdout

    return Compiled(tool("cuobjdump", "-res-usage"), tool("nvdisasm"), binary.asm["ptx"])


def _levels() -> dict[str, str]:
    return {name: "i64" if name[0] == "s" else "i32" for name in LEVEL_NUMBERS}


def _maps(element: str) -> dict[str, str]:
    return {f"x{i}": f"*{element}" for i in range(LEVELS)}


def forward(
    mode: str, folder: Path, target: int = 90, element: str = "fp32", sampling: int = 2, bins: int = 7, unit: int = 4,
    coded: bool = True,
) -> Compiled:  # fmt: skip
    """Compile what computes bins from maps; the number of channels is known to be a multiple of ``unit`` only."""
    types = _maps(element) | {"boxes": "*fp32", "levels": "*i32", "out": f"*{element}"} | _levels()
    types |= {"units": "i32", "images": "i32"}
    constants: dict[str, object] = {"UNIT": unit, "P": bins, "Q": bins, "LEVEL_COUNT": LEVEL_COUNT, "BLOCK": BLOCK}
    constants["ROW"] = 1 << (bins - 1).bit_length()
    kernel = average_kernel
    if mode not in ("caffe", "partition"):
        constants |= {"SAMPLING": sampling, "ALIGNED": False}
    if mode != "avg":
        kernel = pooled_maximum_kernel if mode in ("caffe", "partition") else sampled_maximum_kernel
        types["choice"] = "*i32"
        constants |= {"MODE": MODES[mode], "CODED": coded}
    return compiled(kernel, types, constants, target, 4 if element == "fp32" else 2, folder)


def chosen(mode: str, folder: Path, target: int = 90, sampling: int = 2, bins: int = 7) -> Compiled:
    """Compile what reads given choices."""
    types = _maps("fp32") | {"boxes": "*fp32", "levels": "*i32", "out": "*fp32", "choice": "*i32"} | _levels()
    types |= {"units": "i32", "images": "i32"}
    constants: dict[str, object] = {"UNIT": 4, "P": bins, "Q": bins, "SAMPLING": sampling, "ALIGNED": False}
    constants |= {"LEVEL_COUNT": LEVEL_COUNT, "BLOCK": BLOCK, "MODE": MODES[mode]}
    return compiled(chosen_kernel, types, constants, target, 4, folder)


def tables(mode: str, folder: Path, target: int = 90, sampling: int = 2, bins: int = 7) -> Compiled:
    """Compile what places boxes and weighs pixels."""
    types = {"boxes": "*fp32", "levels": "*i32", "place": "*i32", "group": "*i32", "interval_of": "*fp32"}
    types |= {"bounds": "*i32", "runs_y": "*i32", "runs_x": "*i32", "weights_y": "*fp32", "weights_x": "*fp32"}
    types |= _levels() | {"images": "i32", "longest_y": "i32", "longest_x": "i32"}
    constants: dict[str, object] = {"P": bins, "Q": bins, "SAMPLING": sampling, "ALIGNED": False}
    constants |= {"MODE": MODES[mode], "LEVEL_COUNT": LEVEL_COUNT}
    constants |= {"WEIGHTS": mode in ("avg", "prroi"), "BLOCK": TABLE_BLOCK}
    return compiled(tables_kernel, types, constants, target, 1, folder)


def product(folder: Path, target: int = 90, element: str = "fp32", bins: int = 7, unit: int = 4) -> Compiled:
    """Compile the product of ``prroi`` with its weights."""
    types = _maps(element) | {"place": "*i32", "runs_y": "*i32", "runs_x": "*i32", "weights_y": "*fp32"}
    types |= {"weights_x": "*fp32", "out": f"*{element}", "units": "i32", "longest_y": "i32", "longest_x": "i32"}
    constants: dict[str, object] = {"UNIT": unit, "P": bins, "Q": bins}
    constants |= {"LEVEL_COUNT": LEVEL_COUNT, "BLOCK": WARP_BLOCK}
    return compiled(product_kernel, types, constants, target, 1, folder)


def transposed(
    mode: str, folder: Path, target: int = 90, element: str = "fp32", sampling: int = 2, bins: int = 7, unit: int = 4
) -> Compiled:
    """Compile the gradient of one level."""
    row = 1 << (bins - 1).bit_length()
    types = {"grad": f"*{element}", "runs_y": "*i32", "runs_x": "*i32", "bounds": "*i32", "member": "*i64"}
    types |= {"begin": "*i64", "out": f"*{element}", "units": "i32", "group": "i32", "height": "i32", "width": "i32"}
    constants: dict[str, object] = {"UNIT": unit, "P": bins, "Q": bins, "ROW_P": row, "ROW_Q": row}
    constants |= {"TILE_Y": TILE_Y, "TILE_X": TILE_X, "BLOCK": WARP_BLOCK, "SCAN": SCAN}
    if mode in ("avg", "prroi"):
        types |= {"weights_y": "*fp32", "weights_x": "*fp32", "longest_y": "i32", "longest_x": "i32"}
        constants["ADDING"] = False
        return compiled(spread_kernel, types, constants, target, 1, folder)
    types |= {"choice": "*i32", "interval_of": "*fp32"}
    constants |= {"SAMPLING": sampling, "MODE": MODES[mode]}
    return compiled(spread_choices_kernel, types, constants, target, 1, folder)
