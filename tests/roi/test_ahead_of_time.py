"""The Triton kernels compiled for real targets: no spills, wide loads, exact divisions, no atomics."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton has no wheel for this platform")

from tests.roi import ahead_of_time
from tests.roi.ahead_of_time import Compiled

SAMPLED = ["avg", "max", "onnx_max"]
# Each sampling ratio from 1 to 4, and the other size of the output of each.
RATIOS = [(1, 14), (2, 7), (3, 14), (4, 7)]
OTHER_RATIOS = [(1, 7), (2, 14), (3, 7), (4, 14)]
# RoI pooling takes no samples, and the transposes of averages know nothing of them.
FEW_RATIOS = RATIOS[:2]
ALL_OR_SOME = [pytest.param(OTHER_RATIOS, marks=pytest.mark.slow, id="others"), pytest.param(RATIOS, id="some")]


def without_spills_or_atomics(found: Compiled) -> bool:
    return not found.spills and "ATOM" not in found.code and "RED." not in found.code


@pytest.mark.parametrize(
    ("mode", "target", "element"),
    [("avg", 80, "fp32"), ("max", 90, "fp16"), ("avg", 100, "bf16"), ("max", 120, "fp32")],
)
def test_targets(mode: str, target: int, element: str, tmp_path: Path) -> None:
    assert without_spills_or_atomics(ahead_of_time.forward(mode, tmp_path, target, element))
    assert without_spills_or_atomics(ahead_of_time.transposed(mode, tmp_path, target, element))


@pytest.mark.parametrize("ratios", ALL_OR_SOME)
@pytest.mark.parametrize("mode", SAMPLED)
def test_no_forward_spills(mode: str, ratios: list[tuple[int, int]], tmp_path: Path) -> None:
    for sampling, bins in ratios:
        found = ahead_of_time.forward(mode, tmp_path, sampling=sampling, bins=bins)
        assert without_spills_or_atomics(found), (sampling, bins)
        # The samples are a loop: the four pixels of one are loaded, 16 bytes to a thread and load.
        assert 1 <= found.code.count("LDG.E.128") <= 64


@pytest.mark.parametrize("ratios", ALL_OR_SOME)
@pytest.mark.parametrize("mode", SAMPLED)
def test_no_transpose_spills(mode: str, ratios: list[tuple[int, int]], tmp_path: Path) -> None:
    for sampling, bins in FEW_RATIOS if mode == "avg" else ratios:
        found = ahead_of_time.transposed(mode, tmp_path, sampling=sampling, bins=bins)
        assert without_spills_or_atomics(found), (sampling, bins)
        assert "LDG.E.128" in found.code
        assert "STG.E.128" in found.code


def test_no_pooling_spills(tmp_path: Path) -> None:
    """RoI pooling takes no samples: two sizes of its output are all there is."""
    for bins, mode in ((7, "caffe"), (14, "partition")):
        assert without_spills_or_atomics(ahead_of_time.forward(mode, tmp_path, bins=bins))
        assert without_spills_or_atomics(ahead_of_time.transposed(mode, tmp_path, bins=bins))


def test_no_tables_or_products_spill(tmp_path: Path) -> None:
    for (sampling, bins), mode in zip(RATIOS, ("avg", "prroi", "max", "caffe"), strict=True):
        assert without_spills_or_atomics(ahead_of_time.tables(mode, tmp_path, sampling=sampling, bins=bins))
    assert without_spills_or_atomics(ahead_of_time.product(tmp_path))
    assert without_spills_or_atomics(ahead_of_time.product(tmp_path, 100, "bf16", 14))
    for mode in ("max", "caffe"):
        assert without_spills_or_atomics(ahead_of_time.chosen(mode, tmp_path, sampling=4, bins=14))


def test_channels_in_fours_are_loaded_16_bytes_at_once(tmp_path: Path) -> None:
    for wide, narrow in (
        (ahead_of_time.forward("avg", tmp_path, unit=unit) for unit in (4, 1)),
        (ahead_of_time.forward("max", tmp_path, unit=unit) for unit in (4, 1)),
        (ahead_of_time.transposed("avg", tmp_path, unit=unit) for unit in (4, 1)),
        (ahead_of_time.product(tmp_path, unit=unit) for unit in (4, 1)),
    ):
        assert "LDG.E.128" in wide.code
        assert "STG.E.128" in wide.code
        assert "LDG.E.128" not in narrow.code


@pytest.mark.parametrize("mode", ["avg", "max"])
def test_a_grid_is_rounded_up_after_exact_arithmetic(mode: str, tmp_path: Path) -> None:
    """7 * fl(1 / 7) is not 1: a bin of 3 whole pixels would get 4 samples. Nor is a product fused with a sum."""
    made = [ahead_of_time.forward(mode, tmp_path, sampling=0), ahead_of_time.tables(mode, tmp_path, sampling=0)]
    if mode != "avg":
        made += [
            ahead_of_time.chosen(mode, tmp_path, sampling=0),
            ahead_of_time.transposed(mode, tmp_path, sampling=0),
        ]
    for found in made:
        assert has_exact_divisions(found)
        assert "cvt.rpi" in found.ptx
    before = made[0].ptx[: made[0].ptx.index("cvt.rpi")]
    assert before.count("div.rn.f32") == 2
    assert "fma" not in before
    assert "fma" not in made[1].ptx


@pytest.mark.parametrize("mode", ["caffe", "partition"])
def test_edges_are_decided_by_exact_divisions(mode: str, tmp_path: Path) -> None:
    for found in (ahead_of_time.forward(mode, tmp_path), ahead_of_time.tables(mode, tmp_path)):
        assert has_exact_divisions(found)
        assert "fma" not in found.ptx


def has_exact_divisions(found: Compiled) -> bool:
    inexact = ("div.full", "div.approx", "rcp.approx")
    return "div.rn.f32" in found.ptx and not any(name in found.ptx for name in inexact)
