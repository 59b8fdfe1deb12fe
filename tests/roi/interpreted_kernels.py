"""Run by test_interpreted_kernels in a process of its own: Triton reads TRITON_INTERPRET when it is imported."""

import itertools

import torch
from torch import Tensor
from torch.testing import assert_close

import archlab.roi.ops  # noqa: F401 - registers the operators compared with
from archlab.roi import kernels, triton_box_tables, triton_launches
from archlab.roi.geometry import LINEAR_MODES, MODES, Geometry, checked_geometry
from tests.roi.oracles import by_reference

GENERATOR = torch.Generator().manual_seed(0)
SIZES = [(2, 6, 8), (2, 4, 6)]
MAPS = [torch.randn(n, 5, h, w, generator=GENERATOR) for n, h, w in SIZES]
# Inside, larger than the map, on the other level, without an answer (three), reversed, outside, and thin.
BOXES = torch.tensor(
    [
        [0, 1.2, 0.7, 9.1, 8.3],
        [1, -3.0, -2.0, 30.0, 25.0],
        [1, 2.0, 3.5, 5.0, 6.0],
        [0, float("nan"), 0, 4, 4],
        [2, 1, 1, 4, 4],
        [0, 2, 2, 9, 9],
        [0, 9.0, 8.0, 3.0, 2.0],
        [1, 40.0, 40.0, 50.0, 60.0],
        [0, 5.0, 1.0, 5.0, 7.0],
    ]
)
LEVELS = torch.tensor([0, 0, 1, 0, 0, 5, 0, 0, 1])
CASES = [
    ("avg", 2, True, (2, 3)),
    ("avg", -1, False, (2, 2)),
    ("prroi", 0, True, (2, 3)),
    ("max", 2, True, (2, 3)),
    ("max", -1, False, (2, 2)),
    ("onnx_max", 2, False, (2, 2)),
    ("caffe", 0, False, (2, 3)),
    ("partition", 0, False, (3, 2)),
]


def forward(maps: list[Tensor], boxes: Tensor, levels: Tensor | None, g: Geometry) -> Tensor:
    """What is expected: the tensor code or the C kernels, which the reference checks."""
    return kernels.roi_align(maps, boxes, levels, None, None, *g.arguments)


def every_mode() -> None:
    """Forward, choices, their values, and the transpose, in float32."""
    for mode, sampling, aligned, bins in CASES:
        g = checked_geometry([(0.5, 0.45), 0.25], bins, sampling, aligned, mode, MODES)
        want = forward(MAPS, BOXES, LEVELS, g)
        got = triton_launches.launch_forward(MAPS, BOXES, LEVELS, g)
        assert_close(got, want, rtol=1e-5, atol=1e-6)
        assert got[3:6].abs().sum() == 0
        choice = None
        if mode not in LINEAR_MODES:
            value, choice = triton_launches.launch_maximum(MAPS, BOXES, LEVELS, g, coded=True)
            assert torch.equal(value, got)
            assert torch.equal(choice, kernels.roi_choose(MAPS, BOXES, LEVELS, *g.arguments))
            read = triton_launches.launch_chosen(MAPS, choice, BOXES, LEVELS, g)
            assert_close(read, want, rtol=1e-5, atol=1e-6)
        grad = torch.randn(want.shape, generator=GENERATOR)
        got = triton_launches.launch_transposed(grad, choice, BOXES, LEVELS, SIZES, False, g)
        flat = list(itertools.chain(*SIZES))
        want = kernels.roi_align_transposed(grad, BOXES, LEVELS, choice, None, flat, False, *g.arguments)
        assert_close(got, want, rtol=1e-5, atol=1e-5)


def against_the_reference() -> None:
    """The plain loops, for the modes that the tensor code computes otherwise."""
    boxes = torch.tensor([[0, 0.6, 1.1, 5.2, 4.9], [1, -2.0, 2.0, 3.0, 9.0]])
    for mode in ("max", "onnx_max", "prroi"):
        g = checked_geometry([1.0], (2, 2), 2, True, mode, MODES)
        got = triton_launches.launch_forward(MAPS[:1], boxes, None, g)
        want = by_reference(MAPS[0].double(), boxes.double(), (2, 2), sampling_ratio=2, aligned=True, mode=mode)
        assert_close(got.double(), want, rtol=1e-5, atol=1e-5)
        # Linear in the gradient: the transpose is the matrix's, column by column.
        choice = None if mode == "prroi" else triton_launches.launch_maximum(MAPS[:1], boxes, None, g, True)[1]
        grad = torch.randn(got.shape, generator=GENERATOR)
        (back,) = triton_launches.launch_transposed(grad, choice, boxes, None, SIZES[:1], True, g)
        assert_close((grad * got).sum(), (back * MAPS[0]).sum(), rtol=1e-4, atol=1e-4)


def other_precisions() -> None:
    """Half types are summed in float32; float64 in itself."""
    for mode in ("avg", "max"):
        g = checked_geometry([(0.5, 0.45), 0.25], (2, 2), 2, True, mode, MODES)
        typed = [x.to(torch.bfloat16) for x in MAPS]
        got = triton_launches.launch_forward(typed, BOXES[:3], LEVELS[:3], g)
        assert got.dtype == torch.bfloat16
        assert_close(got, forward(typed, BOXES[:3], LEVELS[:3], g), rtol=1e-2, atol=1e-2)
    one = checked_geometry([0.5], (2, 2), 2, True, "avg")
    wide = MAPS[0].double().contiguous(memory_format=torch.channels_last)
    boxes = BOXES[:2].double()
    got = triton_launches.launch_forward([wide], boxes, None, one)
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert_close(got, forward([wide], boxes, None, one), rtol=1e-12, atol=1e-12)
    grad = torch.randn(got.shape, generator=GENERATOR, dtype=torch.float64)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.bfloat16, 3e-2)):
        typed_grad = grad.to(dtype)
        got = triton_launches.launch_transposed(typed_grad, None, boxes, None, SIZES[:1], False, one)
        flat = list(SIZES[0])
        want = kernels.roi_align_transposed(typed_grad, boxes, None, None, None, flat, False, *one.arguments)
        assert_close(got, want, rtol=tolerance, atol=tolerance)


def huge_boxes_and_whole_bins() -> None:
    """Work is bounded by the map; and a bin of whole pixels has no sample too many."""
    huge = torch.tensor([[0, -5e4, -3e4, 5e4, 3e4], [1, 1.0, 2.0, 9e4, 5.0]])
    adaptive = checked_geometry([0.5], (2, 2), 0, True, "avg")
    want = forward(MAPS[1:], huge, None, adaptive)
    assert_close(triton_launches.launch_forward(MAPS[1:], huge, None, adaptive), want, rtol=1e-4, atol=1e-9)
    assert want.abs().sum() > 0
    grad = torch.ones(2, 5, 2, 2)
    got = triton_launches.launch_transposed(grad, None, huge, None, SIZES[1:], False, adaptive)
    flat = list(SIZES[1])
    want = kernels.roi_align_transposed(grad, huge, None, None, None, flat, False, *adaptive.arguments)
    assert_close(got, want, rtol=1e-4, atol=1e-9)
    whole = torch.tensor([[0, 0.0, 0, side, side] for side in (21, 42, 49)])
    for bins in (7, 14):
        adaptive = checked_geometry([1.0], (bins, bins), 0, True, "avg")
        ramp = torch.arange(50.0 * 50).view(1, 1, 50, 50)
        got = triton_launches.launch_forward([ramp], whole, None, adaptive)
        rows = [by_reference(ramp.double(), whole[k : k + 1].double(), (bins, bins), aligned=True) for k in range(3)]
        assert_close(got.double(), torch.cat(rows), rtol=1e-5, atol=1e-3)


def infinities_and_parts() -> None:
    """A weight of 0 spreads no infinity; and boxes whose tables do not fit together are added part by part."""
    g = checked_geometry([1.0], (1, 1), 2, True, "avg")
    boxes = torch.tensor([[0, 0.5, 0.5, 2.5, 2.5], [0, 3.0, 0.5, 5.0, 2.5], [1, 2.0, 1.0, 4.0, 4.0]])
    grad = torch.ones(3, 5, 1, 1)
    grad[0] = float("inf")
    (one,) = triton_launches.launch_transposed(grad, None, boxes, None, SIZES[:1], False, g)
    assert not one.isnan().any()
    assert one[0, :, :, 4:].isfinite().all()
    whole, triton_box_tables.MAX_TABLE = triton_box_tables.MAX_TABLE, 14
    (parts,) = triton_launches.launch_transposed(grad, None, boxes, None, SIZES[:1], False, g)
    integral = checked_geometry([1.0], (2, 2), 0, True, "prroi")
    apart = triton_launches.launch_forward(MAPS[:1], boxes, None, integral)
    triton_box_tables.MAX_TABLE = whole
    assert_close(parts, one, rtol=1e-6, atol=1e-6)
    assert torch.equal(apart, triton_launches.launch_forward(MAPS[:1], boxes, None, integral))


if __name__ == "__main__":
    for check in (every_mode, against_the_reference, other_precisions, huge_boxes_and_whole_bins, infinities_and_parts):
        check()
    print("equal")
