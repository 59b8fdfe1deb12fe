"""The Triton kernels without a GPU: interpreted against the reference, and compiled ahead of time for real
targets.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

triton = pytest.importorskip("triton", reason="Triton has no wheel for this platform")

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from archlab.roi.cuda_kernels import TRANSPOSED_BLOCK  # noqa: E402
from archlab.roi.triton_kernels import LEVELS, roi_align_kernel, taps_kernel  # noqa: E402
from tests.waiting import DEADLINE  # noqa: E402

HERE = Path(__file__).resolve().parent
TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
TARGETS = [80, 90, 100]


@pytest.mark.slow
def test_interpreted_kernels_equal_the_cpu() -> None:
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(HERE / "interpreted_kernels.py")],
        env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "equal"


def compiled(kernel, signature: dict[str, str], constants: dict[str, object], target: int, warps: int, folder: Path):
    names = kernel.arg_names
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, name in enumerate(names)
        if signature[name].startswith("*") or name == "channels"
    }
    source = ASTSource(kernel, signature, {(names.index(k),): v for k, v in constants.items()}, aligned)
    binary = triton.compile(source, target=GPUTarget("cuda", target, 32), options={"num_warps": warps})
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(binary.asm["cubin"])

    def tool(name: str, *options: str) -> str:
        command = [TOOLS / name, *options, cubin]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE).stdout

    return tool("cuobjdump", "-res-usage"), tool("nvdisasm")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("element", "warps"), [("fp32", 4), ("fp16", 2), ("bf16", 2)])
def test_forward_compiles_without_spills_into_wide_loads(target: int, element: str, warps: int, tmp_path: Path) -> None:
    signature = {f"x{i}": f"*{element}" for i in range(LEVELS)}
    signature |= {
        "boxes": "*fp32",
        "levels": "*i32",
        "shapes": "*i32",
        "scales": "*fp32",
        "out": f"*{element}",
    }
    signature |= {"channels": "i32", "images": "i32"}
    constants = {"P": 7, "Q": 7, "SAMPLING": 2, "ALIGNED": False, "LEVEL_COUNT": 4, "ROW": 8, "BLOCK": 64}
    signature |= dict.fromkeys(constants, "constexpr")
    usage, code = compiled(roi_align_kernel, signature, constants, target, warps, tmp_path)
    # Spilled registers live on the stack, in local memory.
    assert "STACK:0 " in usage
    assert "LOCAL:0 " in usage
    assert "LDL" not in code
    # 2 x 2 samples of 4 pixels, each one 16-byte load; the output leaves in 16 bytes as well.
    assert code.count("LDG.E.128") == 16
    assert code.count("STG.E.128") == 1
    assert "ATOM" not in code


@pytest.mark.parametrize("target", TARGETS)
def test_transpose_compiles_without_spills_or_atomics(target: int, tmp_path: Path) -> None:
    signature = {"rows": "*fp32", "index": "*i32", "weight": "*fp32", "offsets": "*i32", "out": "*fp32"}
    constants = {"BLOCK": TRANSPOSED_BLOCK, "UNROLL": 4}
    signature |= {"channels": "i32"} | dict.fromkeys(constants, "constexpr")
    usage, code = compiled(taps_kernel, signature, constants, target, 1, tmp_path)
    assert "STACK:0 " in usage
    assert "LOCAL:0 " in usage
    assert code.count("LDG.E.128") == 4
    assert "ATOM" not in code
    assert "RED." not in code
