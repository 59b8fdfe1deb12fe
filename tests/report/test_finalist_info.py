"""What the text of a finalist unfolds into, against counts made by hand."""

from __future__ import annotations

import pytest

from archlab.report.finalist_info import finalists
from archlab.search.result import Finalist
from tests.report.handmade import result

TEXT = """net n(input=3x32x32)
stem: conv(8, 3, s=2)
body: separable(16, k=5, s=2) -> repeat(2, inverted(16, k=3, e=2))
head: gap -> fc(10)
"""


def test_stages_of_a_finalist():
    (info,) = finalists(result(finalists=(Finalist(0, "n", "n.arch", TEXT, {"macs": 1.0}, {}),)))
    stem, body, head = info.stages
    assert (stem.blocks, stem.depth, stem.shape, stem.kernels) == (("conv",), 1, (8, 16, 16), (3,))
    assert (body.blocks, body.depth, body.width, body.resolution) == (("separable", "inverted"), 3, 16, "8×8")
    assert body.kernels == (3, 5)
    assert (head.blocks, head.shape, head.kernels) == (("gap", "fc"), (10,), ())
    # 3x3 of 3 channels to 8 on 16x16; 16 features to 10.
    assert (stem.macs, head.macs) == (27 * 8 * 16 * 16, 160)
    # 5x5 depthwise and 1x1 to 16, then twice 1x1 to 32, 3x3 depthwise, 1x1 to 16; all on 8x8 but the stem.
    assert body.macs == 64 * (8 * 25 + 8 * 16 + 2 * (16 * 32 + 32 * 9 + 32 * 16))
    assert sum(stage.share for stage in info.stages) == pytest.approx(1)
    assert info.recounted == sum(stage.macs for stage in info.stages)
    assert [(o.op, o.nodes) for o in info.operators][:2] == [("conv2d", 9), ("linear", 1)]
    assert info.operators[0].share == pytest.approx(1 - 160 / info.recounted)


def test_a_finalist_that_is_no_network_says_why():
    (info,) = finalists(result(finalists=(Finalist(0, "n", "n.arch", "net n(input=3x8x8)\nstem: kanv(8)\n", {}, {}),)))
    assert info.graph is None
    assert info.stages == ()
    assert "n.arch:2:7: nothing is named 'kanv'" in (info.problem or "")
