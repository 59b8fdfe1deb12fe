"""The operators under torch.compile with symbolic sizes, scales and sampling: one graph, whatever the sizes."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo
from torch import Tensor
from torch.testing import assert_close

from archlab.roi import MultiScaleRoIAlign, roi_align, roi_pool

from .oracles import random_boxes, random_map

SIZES = ((3, 9, 0.5), (5, 12, 0.25), (7, 20, 0.3))


def read(x: Tensor, boxes: Tensor, scale: float, mode: str) -> Tensor:
    if mode in ("caffe", "partition"):
        return roi_pool(x, boxes, 2, scale, mode)
    return roi_align(x, boxes, 2, scale, 2, True, mode)


@pytest.mark.parametrize("mode", ["avg", "max", "onnx_max", "prroi", "caffe", "partition"])
def test_every_mode_with_symbolic_sizes_and_scales(mode: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(read, fullgraph=True, dynamic=True, backend="aot_eager")
    for count, side, scale in SIZES:
        x, boxes = random_map(2, 3, side, side + 1).float(), random_boxes(count, 2, side, side).float()
        assert torch.equal(compiled(x, boxes, scale, mode), read(x, boxes, scale, mode))
        leaf = x.requires_grad_()
        got, want = (torch.autograd.grad(f(leaf, boxes, scale, mode).sum(), leaf)[0] for f in (compiled, read))
        assert_close(got, want)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_inferred_strides_at_changing_image_sizes(backend: str) -> None:
    torch._dynamo.reset()
    pool = MultiScaleRoIAlign(["a", "b"], 3, 2, canonical_scale=24, canonical_level=3)
    compiled = torch.compile(pool, fullgraph=True, backend=backend)
    torch._dynamo.utils.counters.clear()
    for height, width in ((64, 64), (96, 128), (80, 72), (128, 160), (256, 104)):
        maps = {name: random_map(1, 2, height // s, width // s).float() for name, s in (("a", 4), ("b", 8))}
        boxes = [random_boxes(5, 1, height, width).float()[:, 1:]]
        assert_close(compiled(maps, boxes, [(height, width)]), pool(maps, boxes, [(height, width)]))
    # The first sizes are constants, those after them symbols.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2
