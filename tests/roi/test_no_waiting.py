"""On CUDA neither a forward nor a backward asks the device for a number, or copies one to it: the host never waits.

Checked on fake CUDA tensors, which know shapes and devices but hold nothing, with the launches recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

pytest.importorskip("triton", reason="Triton has no wheel for this platform")

from archlab.roi import cuda_kernels, kernels, triton_box_tables, triton_launches
from archlab.roi.geometry import LINEAR_MODES, MODES, checked_geometry

WAITING = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "nonzero_numpy", "masked_select", "_unique",
    "_unique2", "unique_dim", "unique_consecutive", "unique_dim_consecutive", "bincount", "repeat_interleave",
}  # fmt: skip
KERNELS = [
    (module, name)
    for module in (triton_launches, triton_box_tables)
    for name in vars(module)
    if name.endswith("_kernel")
]
SIZES = [(2, 50, 68), (2, 25, 34), (2, 13, 17)]
FLAT = [n for size in SIZES for n in size]
BOXES = 1000


class WaitError(AssertionError):
    pass


class NoWaiting(TorchDispatchMode):
    """Fail where an operator's shape or value comes from the device, or a tensor crosses from one to another."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITING:
            raise WaitError(name)
        out = func(*args, **(kwargs or {}))
        devices = {x.device.type for x in tree_leaves((args, kwargs, out)) if isinstance(x, Tensor) and x.dim()}
        if len(devices) > 1:
            raise WaitError(f"{name} between {devices}")
        return out


class Recorded:
    """Stands for a kernel: keeps the name, the grid and the arguments of each launch."""

    def __init__(self, name: str, launches: list[tuple[str, tuple[int, ...], tuple[Any, ...]]]) -> None:
        self.name, self.launches = name, launches

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return lambda *args, **_: self.launches.append((self.name, grid, args))


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...], tuple[Any, ...]]]:
    found: list[tuple[str, tuple[int, ...], tuple[Any, ...]]] = []
    for module, name in KERNELS:
        monkeypatch.setattr(module, name, Recorded(name, found))
        monkeypatch.setattr(module, "launching_on", lambda _: nullcontext())
    return found


def problem(mode: str, sampling: int) -> tuple[list[Tensor], Tensor, Tensor, Tensor | None, Any]:
    """Fake maps, boxes, levels, a choice where the mode has one, and the numbers of an operator."""
    maps = [torch.empty(n, 64, h, w, device="cuda") for n, h, w in SIZES]
    boxes, levels = torch.empty(BOXES, 5, device="cuda"), torch.empty(BOXES, dtype=torch.int64, device="cuda")
    choice = None
    if mode not in LINEAR_MODES:
        choice = torch.empty(BOXES, 64, 7, 7, dtype=torch.int32, device="cuda")
    g = checked_geometry([0.25, 0.125, 0.0625], 7, sampling, True, mode, MODES)
    return maps, boxes, levels, choice, g.arguments


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sampling", [2, 0])
def test_a_backward_does_not_wait(mode: str, sampling: int, launches: list[Any]) -> None:
    with FakeTensorMode(), NoWaiting():
        _, boxes, levels, choice, numbers = problem(mode, sampling)
        grad = torch.empty(BOXES, 64, 7, 7, device="cuda")
        back = cuda_kernels.roi_align_transposed(grad, boxes, levels, choice, None, FLAT, False, *numbers)
    assert [x.shape for x in back] == [(n, 64, h, w) for n, h, w in SIZES]
    assert all(x.device.type == "cuda" and x.is_contiguous() for x in back)
    kernel = "spread_kernel" if choice is None else "spread_choices_kernel"
    assert [name for name, _, _ in launches] == ["tables_kernel", kernel, kernel, kernel]
    tiles = [n * math.ceil(h / triton_launches.TILE_Y) * math.ceil(w / triton_launches.TILE_X) for n, h, w in SIZES]
    assert [grid for _, grid, _ in launches] == [(BOXES,), *((n, 1) for n in tiles)]


@pytest.mark.parametrize("mode", MODES)
def test_a_forward_does_not_wait(mode: str, launches: list[Any]) -> None:
    with FakeTensorMode(), NoWaiting():
        maps, boxes, levels, choice, numbers = problem(mode, 0)
        out = cuda_kernels.roi_align(maps, boxes, levels, None, None, *numbers)
        if choice is not None:
            chosen = cuda_kernels.roi_choose(maps, boxes, levels, *numbers)
            read = cuda_kernels.roi_align(maps, boxes, levels, chosen, None, *numbers)
            assert read.shape == chosen.shape == out.shape
    assert out.shape == (BOXES, 64, 7, 7)
    assert len(launches) == {"avg": 1, "prroi": 2}.get(mode, 3)


def test_the_tensor_code_would_be_caught() -> None:
    """It asks how many boxes lie where."""
    boxes = torch.tensor([[0, 1.0, 1, 30, 20]])
    numbers = checked_geometry([0.25], 2, 2, True, "avg").arguments
    grad = torch.ones(1, 3, 2, 2, dtype=torch.float16)
    with NoWaiting(), pytest.raises(WaitError):
        kernels.roi_align_transposed(grad, boxes, None, None, None, [1, 8, 9], False, *numbers)


def test_a_number_of_the_host_would_be_caught() -> None:
    with FakeTensorMode(), NoWaiting(), pytest.raises(WaitError, match="between"):
        torch.empty(3).to("cuda")
