"""MACs and bytes against hand arithmetic, and against fvcore's count of a traced module."""

import subprocess
import sys

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn

from archlab.roi import RoIAlign, RoIPool, fvcore_handles, roi_align_bytes, roi_align_macs
from tests.waiting import DEADLINE


def test_macs_by_hand() -> None:
    assert roi_align_macs(3, 8, (7, 5), 2) == 3 * 8 * 35 * 16
    # A box of 14 x 21 pixels in 7 x 7 bins: 2 x 3 samples of 4 pixels.
    assert roi_align_macs(1, 1, (7, 7), 0, box_size=(14.0, 21.0)) == 49 * 24
    # The exact integral touches 3 x 4 pixels of each bin.
    assert roi_align_macs(1, 1, (7, 7), 0, "prroi", (14.0, 21.0)) == 49 * 12
    assert roi_align_macs(9, 9, (7, 7), 0, "caffe") == 0
    with pytest.raises(ValueError, match="needs the size of an RoI"):
        roi_align_macs(1, 1, (7, 7), 0)


def test_bytes_by_hand() -> None:
    # 2 RoIs of 4 x 4 pixels touch 25 each; 3 channels; 2 x 2 bins.
    assert roi_align_bytes(2, 3, (2, 2), (4.0, 4.0), 1000, 2) == 2 * (2 * 3 * 4 + 3 * 50)
    # No more than the map is read.
    assert roi_align_bytes(2, 3, (2, 2), (4.0, 4.0), 10, 4) == 4 * (2 * 3 * 4 + 3 * 10)


class Head(nn.Module):
    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.pool = pool

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        return self.pool(self.stem(x), boxes)


@pytest.mark.parametrize(
    ("pool", "macs"),
    [
        (RoIAlign(3, 0.5, 2), 2 * 4 * 9 * 16),
        (RoIAlign(3, 0.5, 2, mode="max"), 2 * 4 * 9 * 16),
        (RoIAlign(3, 0.5, 0), 2 * 4 * 9 * 4),
        (RoIPool(3, 0.5), 0),
    ],
)
def test_fvcore_counts_the_operator(pool: nn.Module, macs: int) -> None:
    boxes = torch.tensor([[0.0, 1, 1, 6, 6], [0.0, 2, 2, 9, 9]])
    analysis = FlopCountAnalysis(Head(pool), (torch.ones(1, 3, 8, 8), boxes)).set_op_handle(**fvcore_handles())
    analysis.unsupported_ops_warnings(False)
    assert analysis.by_operator()["roi_align"] == macs
    assert not [name for name in analysis.unsupported_ops() if name.startswith("archlab")]
    assert analysis.by_operator()["conv"] == 3 * 4 * 64


def test_counting_imports_no_torch() -> None:
    code = "import sys, archlab.roi as r; r.roi_align_macs(1, 1, (7, 7), 2); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=DEADLINE).returncode == 0
