"""The blocks that the page of convolutions explains, and the settings that its sliders move."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.report.block_formulas import Lesson, Product, Settings, Step


@dataclass(frozen=True, slots=True)
class Control:
    """A setting that a slider moves through ``values``; at first it is ``default``."""

    name: str
    title: str
    values: tuple[float, ...]
    default: float


_CHANNELS = tuple(64.0 * i for i in range(1, 17))
"""Multiples of 64, so that a quarter of them is still divisible by every number of groups."""

CONTROLS = (
    Control("in", "channels in", _CHANNELS, 128),
    Control("c", "channels out", _CHANNELS, 256),
    Control("k", "kernel", (3, 5, 7), 3),
    Control("g", "groups", (1, 2, 4, 8), 4),
    Control("dm", "depth multiplier", (1, 2, 4), 4),
    Control("e", "expansion", (0.25, 0.5, 1), 0.25),
    Control("n", "map size", (7, 14, 28, 56, 112), 56),
)
DEFAULTS: Settings = {control.name: control.default for control in CONTROLS}


_SHORTCUT = Step("1×1 on the shortcut", Product(("in", "c")), is_projection=True)

LESSONS = (
    Lesson(
        "standard",
        "Standard convolution",
        "Every channel that comes out looks at every channel that goes in, through a kernel of k × k weights of its "
        "own. So the weights grow with the product of both widths: twice as wide on both sides is four times as much.",
        "LeCun et al., 1989",
        "conv({c}, {k})",
        (Step("k×k", Product(("k", "k", "in", "c"))),),
    ),
    Lesson(
        "grouped",
        "Grouped convolution",
        "The channels are cut into g groups, and a group sees only itself: of the lines, one in g is left. It costs "
        "exactly 1/g of the standard convolution, and the groups never learn from one another unless something "
        "mixes them.",
        "AlexNet, 2012; ResNeXt, arXiv:1611.05431",
        "group({c}, {k}, g={g})",
        (Step("k×k in groups", Product(("k", "k", "in", "c"), by="g")),),
    ),
    Lesson(
        "separable",
        "Depthwise and pointwise",
        "The work is split in two. The depthwise convolution looks at space: each channel has dm kernels of its own "
        "and sees no other channel. The pointwise one looks across channels: 1 × 1, all with all. The costly k · k no "
        "longer multiplies both widths.",
        "MobileNet, arXiv:1704.04861; Xception, arXiv:1610.02357",
        "separable({c}, {k}, dm={dm})",
        (Step("k×k depthwise", Product(("k", "k", "in", "dm"))), Step("1×1 pointwise", Product(("in", "dm", "c")))),
    ),
    Lesson(
        "bottleneck",
        "Bottleneck",
        "A 1 × 1 convolution narrows the map to m channels, the k × k one works where it is narrow, and another 1 × 1 "
        "widens it again. What came in is added at the end by a shortcut; where the channels in and out differ, the "
        "shortcut needs a 1 × 1 convolution of its own.",
        "ResNet, arXiv:1512.03385",
        "bottleneck({c}, {k}, e={e})",
        (
            Step("1×1 down", Product(("in", "m"))),
            Step("k×k", Product(("k", "k", "m", "m"))),
            Step("1×1 up", Product(("m", "c"))),
            _SHORTCUT,
        ),
        Product(("c", "e")),
    ),
    Lesson(
        "shuffle",
        "Shuffle unit",
        "A bottleneck whose 1 × 1 convolutions work in groups too. Alone, groups would stay apart for ever, so the "
        "channels are shuffled between them like cards: afterwards each group holds some of every group before. The "
        "shuffle itself has no weights and no MACs.",
        "ShuffleNet, arXiv:1707.01083",
        "shuffle_unit({c}, {k}, g={g})",
        (
            Step("1×1 in groups", Product(("in", "m"), by="g")),
            Step("k×k depthwise", Product(("k", "k", "m"))),
            Step("1×1 in groups", Product(("m", "c"), by="g")),
            _SHORTCUT,
        ),
        Product(("c",), by="4"),
    ),
    Lesson(
        "factorised",
        "Factorised: 1×k, then k×1",
        "A square kernel becomes a row and then a column. Where the width stays the same, 2 · k weights stand for "
        "k · k. Where it grows, the second part works at the larger width already: a 3 × 3 that doubles the width "
        "gains nothing.",
        "Inception-v3, arXiv:1512.00567",
        "factorised({c}, {k})",
        (Step("1×k", Product(("k", "in", "c"))), Step("k×1", Product(("k", "c", "c")))),
    ),
    Lesson(
        "two3x3",
        "Factorised: two 3×3 for one 5×5",
        "Two 3 × 3 convolutions in a row see 5 × 5 pixels. Where the width stays the same they need 18 weights in "
        "place of 25, with an activation in between that a single 5 × 5 does not have.",
        "VGG, arXiv:1409.1556",
        "two3x3({c})",
        (Step("3×3", Product(("3", "3", "in", "c"))), Step("3×3", Product(("3", "3", "c", "c")))),
        standard="conv({c}, 5)",
        standard_step=Step("standard 5×5 convolution", Product(("5", "5", "in", "c"))),
    ),
)
