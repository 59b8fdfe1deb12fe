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
from archlab.roi.triton_kernels import _UNSPECIALISED, LEVELS, roi_align_kernel, taps_kernel  # noqa: E402
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
    """Compile for a target; return the registers' report, the machine's code and the PTX."""
    names = kernel.arg_names
    aligned = {(i,): [["tt.divisibility", 16]] for i, name in enumerate(names) if signature[name].startswith("*")}
    source = ASTSource(kernel, signature, {(names.index(k),): v for k, v in constants.items()}, aligned)
    binary = triton.compile(source, target=GPUTarget("cuda", target, 32), options={"num_warps": warps})
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(binary.asm["cubin"])

    def tool(name: str, *options: str) -> str:
        command = [TOOLS / name, *options, cubin]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE).stdout

    return tool("cuobjdump", "-res-usage"), tool("nvdisasm"), binary.asm["ptx"]


def compiled_forward(target: int, element: str, folder: Path, sampling: int = 2, bins: int = 7, unit: int = 4):
    """Compile the forward over four levels; the number of channels is known to be a multiple of ``unit`` only."""
    signature = {name: "i64" if name[0] == "s" else "i32" for name in _UNSPECIALISED}
    signature |= {f"x{i}": f"*{element}" for i in range(LEVELS)}
    signature |= {"boxes": "*fp32", "levels": "*i32", "out": f"*{element}", "units": "i32", "images": "i32"}
    constants = {"UNIT": unit, "P": bins, "Q": bins, "SAMPLING": sampling, "ALIGNED": False, "LEVEL_COUNT": 4}
    constants |= {"ROW": 1 << (bins - 1).bit_length(), "BLOCK": 64}
    signature |= dict.fromkeys(constants, "constexpr")
    return compiled(roi_align_kernel, signature, constants, target, 4 if element == "fp32" else 2, folder)


def spills(usage: str, code: str) -> bool:
    """Spilled registers live on the stack, in local memory."""
    return "STACK:0 " not in usage or "LOCAL:0 " not in usage or "LDL" in code or "STL" in code


@pytest.mark.parametrize(("target", "element"), [(80, "fp32"), (90, "fp16"), (100, "bf16")])
def test_forward_compiles_without_spills_or_atomics(target: int, element: str, tmp_path: Path) -> None:
    usage, code, _ = compiled_forward(target, element, tmp_path)
    assert not spills(usage, code)
    assert "ATOM" not in code


@pytest.mark.parametrize(("sampling", "bins"), [(1, 7), (2, 7), (3, 14), (4, 14)])
def test_no_sampling_ratio_spills(sampling: int, bins: int, tmp_path: Path) -> None:
    usage, code, _ = compiled_forward(90, "fp32", tmp_path, sampling, bins)
    assert not spills(usage, code)
    # The samples are a loop: the four pixels of one are loaded, 16 bytes to a thread and load.
    assert "LDG.E.128" in code
    assert code.count("LDG.E.128") <= 64


def test_channels_in_fours_are_loaded_16_bytes_at_once(tmp_path: Path) -> None:
    _, wide, _ = compiled_forward(90, "fp32", tmp_path, unit=4)
    _, narrow, _ = compiled_forward(90, "fp32", tmp_path, unit=1)
    assert "LDG.E.128" in wide
    assert "STG.E.128" in wide
    assert "LDG.E.128" not in narrow


def test_a_grid_is_rounded_up_after_an_exact_division(tmp_path: Path) -> None:
    """7 * fl(1 / 7) is not 1: a bin of 3 whole pixels would get 4 samples."""
    _, _, ptx = compiled_forward(90, "fp32", tmp_path, sampling=0)
    steps = ptx[: ptx.index("cvt.rpi")]
    assert steps.count("div.rn.f32") == 2
    assert "div.full" not in ptx
    assert "div.approx" not in ptx


@pytest.mark.parametrize("target", TARGETS)
def test_transpose_compiles_without_spills_or_atomics(target: int, tmp_path: Path) -> None:
    signature = {"rows": "*fp32", "index": "*i32", "weight": "*fp32", "offsets": "*i32", "out": "*fp32"}
    constants = {"UNIT": 4, "BLOCK": TRANSPOSED_BLOCK, "UNROLL": 4}
    signature |= {"units": "i32"} | dict.fromkeys(constants, "constexpr")
    usage, code, _ = compiled(taps_kernel, signature, constants, target, 1, tmp_path)
    assert not spills(usage, code)
    assert code.count("LDG.E.128") == 4
    assert "ATOM" not in code
    assert "RED." not in code
