"""Answers worked out by hand or published, for the plain reference and for the operators alike."""

import onnx.backend.test.case.node.roialign as onnx_cases
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from archlab.roi import roi_align, roi_pool

from .oracles import TEXTBOOK, by_reference

EVERY_WAY = pytest.mark.parametrize("way", ["reference", "operator"])


def align(way: str, x: Tensor, box: list[float], bins: int, **options: object) -> Tensor:
    boxes = torch.tensor([[0.0, *box]], dtype=torch.float64)
    x = x.double()[None, None]
    if way == "reference":
        return by_reference(x, boxes, (bins, bins), **options)[0, 0]
    return roi_align(x, boxes, bins, **options)[0, 0]


def pool(way: str, x: Tensor, box: list[float], bins: int, mode: str) -> Tensor:
    boxes = torch.tensor([[0.0, *box]], dtype=torch.float64)
    x = x.double()[None, None]
    if way == "reference":
        return by_reference(x, boxes, (bins, bins), mode=mode)[0, 0]
    return roi_pool(x, boxes, bins, mode=mode)[0, 0]


@EVERY_WAY
def test_textbook_partition(way: str) -> None:
    got = pool(way, TEXTBOOK, [0, 3, 7, 8], 2, "partition")
    assert_close(got, torch.tensor([[0.85, 0.84], [0.97, 0.96]]).double(), atol=1e-6, rtol=0)


@EVERY_WAY
def test_textbook_caffe_differs(way: str) -> None:
    got = pool(way, TEXTBOOK, [0, 3, 7, 8], 2, "caffe")
    assert_close(got, torch.tensor([[0.85, 0.96], [0.97, 0.91]]).double(), atol=1e-6, rtol=0)


@EVERY_WAY
@pytest.mark.parametrize(
    ("box", "want"),
    [([0, 0, 1, 3], [3, 4, 6, 3]), ([2, 2, 3, 3], [1, 7, 2, 8]), ([1, 0, 3, 2], [4, 4, 4, 7])],
)
def test_small_caffe_maps(way: str, box: list[float], want: list[float]) -> None:
    x = torch.tensor([[1, 2, 4, 4], [3, 4, 1, 2], [6, 2, 1, 7], [1, 3, 2, 8]])
    assert pool(way, x, box, 2, "caffe").flatten().tolist() == want


@EVERY_WAY
def test_ramp_adaptive(way: str) -> None:
    ramp = torch.arange(25.0).view(5, 5)
    rows = torch.arange(4.0)[:, None].double()
    columns = torch.arange(4.0)[None].double()
    aligned = align(way, ramp, [1, 1, 3, 3], 4, aligned=True)
    assert_close(aligned, 4.5 + 2.5 * rows + 0.5 * columns)
    assert_close(align(way, ramp, [1, 1, 3, 3], 4), 7.5 + 2.5 * rows + 0.5 * columns)


@EVERY_WAY
def test_two_by_two(way: str) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    got = align(way, x, [0, 0, 1, 1], 2, sampling_ratio=2, aligned=True)
    assert got.flatten().tolist() == [1, 1.25, 1.5, 1.75]


def test_gradient_of_two_by_two() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], requires_grad=True)
    roi_align(x, torch.tensor([[0.0, 0, 0, 1, 1]]), 2, 1.0, 2, True).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [3.0625, 0.4375, 0.4375, 0.0625]


BLOCKS = torch.tensor([[1, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16]])


@EVERY_WAY
def test_blocks_average(way: str) -> None:
    got = align(way, BLOCKS, [0, 0, 3, 3], 2, sampling_ratio=2, aligned=True)
    assert got.flatten().tolist() == [1.9375, 4.75, 7.5625, 10.375]


@EVERY_WAY
def test_blocks_exact_integral(way: str) -> None:
    got = align(way, BLOCKS, [0, 0, 3, 3], 2, mode="prroi")
    assert_close(got.flatten(), torch.tensor([3.75, 83 / 12, 121 / 12, 13.25], dtype=torch.float64), atol=1e-12, rtol=0)


def test_blocks_box_gradient() -> None:
    boxes = torch.tensor([[0.0, 0, 0, 3, 3]], dtype=torch.float64, requires_grad=True)
    roi_align(BLOCKS.double()[None, None], boxes, 2, mode="prroi").sum().backward()
    assert boxes.grad is not None
    assert_close(boxes.grad[0], torch.tensor([0, 10 / 3, 20 / 3, 10 / 3, 20 / 3], dtype=torch.float64))


def _onnx_vectors() -> list[tuple[str, object, list[object], list[object]]]:
    captured: list[tuple[str, object, list[object], list[object]]] = []
    before = onnx_cases.expect
    onnx_cases.expect = lambda node, inputs, outputs, name: captured.append((name, node, inputs, outputs))
    try:
        for name in dir(onnx_cases.RoiAlign):
            if name.startswith("export"):
                getattr(onnx_cases.RoiAlign, name)()
    finally:
        onnx_cases.expect = before
    return captured


ONNX_VECTORS = _onnx_vectors()


def test_onnx_has_vectors() -> None:
    assert len(ONNX_VECTORS) >= 3


@pytest.mark.parametrize("case", ONNX_VECTORS, ids=[case[0] for case in ONNX_VECTORS])
def test_onnx_node_vectors(case: tuple) -> None:
    _, node, (x, corners, images), (want,) = case
    given = {a.name: a.s.decode() if a.s else a.f or a.i for a in node.attribute}
    boxes = torch.cat([torch.from_numpy(images)[:, None].float(), torch.from_numpy(corners)], 1)
    got = roi_align(
        torch.from_numpy(x),
        boxes,
        (given["output_height"], given["output_width"]),
        float(given.get("spatial_scale", 1.0)),
        given.get("sampling_ratio", 0),
        given.get("coordinate_transformation_mode", "half_pixel") == "half_pixel",
        "onnx_max" if given.get("mode") == "max" else "avg",
    )
    # The vectors are printed with four decimals.
    assert_close(got, torch.from_numpy(want), atol=1e-4, rtol=1e-4)
