"""RegNet from its own rule: five numbers to an architecture (Radosavovic et al. 2020, arXiv:2003.13678).

A network of the design space is w0, wa, wm, its depth and the width of its groups. Section 3.2 and equations 2 to 4:
block j would have u_j = w0 + wa j channels; s_j = log(u_j / w0) / log(wm) is rounded to a whole power, w_j = w0 wm^s_j
is rounded to a multiple of 8, and the blocks of one width are one stage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

from archlab.elaborate.scope import round_to_divisor
from archlab.errors import InputError
from archlab.grammar import ast, parse

STEM = 32
_BLOCKS = {
    False: "block x(c, s=1, w={w}) = residual(conv(c, 1) -> conv(c, 3, s=s, g=c / w) -> conv(c, 1, act=none)) -> relu",
    True: "block y(c, s=1, w={w}) = residual(conv(c, 1) -> conv(c, 3, s=s, g=c / w) -> squeeze_excite(n=in / 4)"
    " -> conv(c, 1, act=none)) -> relu",
}


@dataclass(frozen=True, slots=True)
class RegNet:
    """A network of the design space.

    Attributes:
        w0, wa, wm: initial width, slope and quantisation of the widths.
        depth: the number of blocks.
        group_width: channels of each group of the 3x3; a narrower stage is one group.
        se: squeeze and excitation, which makes it a RegNetY.
        paper: rounds widths to groups half to even, as the paper's code does, and not as torchvision does, which never
            goes below 90 % of a width. RegNetX-400MF ends in 384 channels under the one and 400 under the other.
    """

    w0: int
    wa: float
    wm: float
    depth: int
    group_width: int
    se: bool = False
    paper: bool = False

    def stages(self) -> tuple[tuple[int, int], ...]:
        """Return (channels, blocks) of every stage; channels are multiples of the groups' width.

        >>> RegNet(24, 24.48, 2.54, 22, 16).stages()
        ((32, 1), (64, 2), (160, 7), (400, 12))
        """
        if self.w0 < 8 or self.w0 % 8 or self.wa < 0 or self.wm <= 1 or self.depth < 1 or self.group_width < 1:
            raise InputError(
                f"no RegNet has w0 {self.w0}, wa {self.wa}, wm {self.wm}, depth {self.depth} and group width"
                f" {self.group_width}",
                hint="w0 is a multiple of 8, wa at least 0, wm above 1, and the other two at least 1",
            )
        powers = (round(math.log(1 + self.wa * j / self.w0) / math.log(self.wm)) for j in range(self.depth))
        widths = (round(self.w0 * self.wm**power / 8) * 8 for power in powers)
        return tuple((self._grouped(width), len(list(blocks))) for width, blocks in groupby(widths))

    def _grouped(self, width: int) -> int:
        """Return ``width`` as a multiple of the groups' width, where that is not larger."""
        group = min(self.group_width, width)
        return round(width / group) * group if self.paper else round_to_divisor(width, group)


def regnet(rule: RegNet, name: str = "regnet") -> ast.Architecture:
    """Return the architecture of a rule at 224x224: a stem of 32 channels, and a stage of stride 2 for every width.

    Raises:
        InputError: the numbers are outside the design space.
    """
    kind = "y" if rule.se else "x"
    lines = [f"net {name}(input=3x224x224, divisor={math.lcm(8, rule.group_width)})"]
    lines += [_BLOCKS[rule.se].format(w=rule.group_width), f"stem: conv({STEM}, 3, s=2)"]
    for i, (channels, blocks) in enumerate(rule.stages(), 1):
        group = "" if channels >= rule.group_width else f", w={channels}"
        block = f"{kind}({channels}, s=2{group})"
        lines.append(f"stage{i}: {block if blocks == 1 else f'repeat({blocks}, {block})'}")
    return parse("\n".join([*lines, "head: gap -> fc(1000)", ""]), name)


_NOT_IN_TORCHVISION = frozenset(
    f"regnet_{kind}_{size}" for kind in "xy" for size in ("200mf", "600mf", "4_0gf", "6_4gf", "12gf")
)

REGNETS: dict[str, RegNet] = {
    name: RegNet(w0, wa, wm, depth, group_width, se, paper=name in _NOT_IN_TORCHVISION)
    for name, (se, depth, w0, wa, wm, group_width) in {
        "regnet_x_200mf": (False, 13, 24, 36.44, 2.49, 8),
        "regnet_x_400mf": (False, 22, 24, 24.48, 2.54, 16),
        "regnet_x_600mf": (False, 16, 48, 36.97, 2.24, 24),
        "regnet_x_800mf": (False, 16, 56, 35.73, 2.28, 16),
        "regnet_x_1_6gf": (False, 18, 80, 34.01, 2.25, 24),
        "regnet_x_3_2gf": (False, 25, 88, 26.31, 2.25, 48),
        "regnet_x_4_0gf": (False, 23, 96, 38.65, 2.43, 40),
        "regnet_x_6_4gf": (False, 17, 184, 60.83, 2.07, 56),
        "regnet_x_8gf": (False, 23, 80, 49.56, 2.88, 120),
        "regnet_x_12gf": (False, 19, 168, 73.36, 2.37, 112),
        "regnet_x_16gf": (False, 22, 216, 55.59, 2.1, 128),
        "regnet_x_32gf": (False, 23, 320, 69.86, 2.0, 168),
        "regnet_y_200mf": (True, 13, 24, 36.44, 2.49, 8),
        "regnet_y_400mf": (True, 16, 48, 27.89, 2.09, 8),
        "regnet_y_600mf": (True, 15, 48, 32.54, 2.32, 16),
        "regnet_y_800mf": (True, 14, 56, 38.84, 2.4, 16),
        "regnet_y_1_6gf": (True, 27, 48, 20.71, 2.65, 24),
        "regnet_y_3_2gf": (True, 21, 80, 42.63, 2.66, 24),
        "regnet_y_4_0gf": (True, 22, 96, 31.41, 2.24, 64),
        "regnet_y_6_4gf": (True, 25, 112, 33.22, 2.27, 72),
        "regnet_y_8gf": (True, 17, 192, 76.82, 2.19, 56),
        "regnet_y_12gf": (True, 19, 168, 73.36, 2.37, 112),
        "regnet_y_16gf": (True, 18, 200, 106.23, 2.48, 112),
        "regnet_y_32gf": (True, 20, 232, 115.89, 2.53, 232),
    }.items()
}
"""The paper's networks (figures 16 and 17; numbers as in its repository, pycls), under torchvision's names.

Those that torchvision has are rounded as torchvision's, the others as the paper's.
"""
