"""What the literature found of the accuracy of each rewriting: its words and figures, with their place.

The figures are of whole networks trained from scratch on ImageNet. None says what one layer of another network loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlab.exchange.rewrite_rules import RewriteOptions


@dataclass(frozen=True, slots=True)
class Risk:
    """What was found of a rewriting.

    Attributes:
        level: ``low``, ``medium`` or ``high``, our reading of it, for a table.
        found: what the source says.
        source: the paper, its number on arXiv and the place in it.
    """

    level: str
    found: str
    source: str


_SEPARABLE = Risk(
    "low",
    "MobileNet of full convolutions reaches 71.7 % top-1 on ImageNet at 4,866 M multiply-adds, of depthwise separable "
    "ones 70.6 % at 569 M. Xception, separable and about as large as Inception V3, reaches 79.0 % for its 78.2 %.",
    "Howard et al. 2017, arXiv:1704.04861, table 4; Chollet 2016, arXiv:1610.02357, table 1",
)
_SEPARABLE_WIDE = Risk(
    "low",
    "With one filter for each channel MobileNet reaches 1.1 points less than with full convolutions. More filters have "
    "more to mix, but these papers give no figure at this multiplier.",
    _SEPARABLE.source,
)
_GROUP_SHUFFLE = Risk(
    "medium",
    "ShuffleNet gains accuracy at equal cost, because it spends what groups save on more channels. Groups alone, at "
    "the same channels, were not measured there. The shuffle, which this rule keeps, lowers the error in all settings.",
    "Zhang et al. 2017, arXiv:1707.01083, sections 4.1.1 and 4.1.2",
)
_BOTTLENECK = Risk(
    "high",
    "ResNet spends the saving on depth and width: ResNet-50 of bottlenecks has 22.85 % top-1 error, ResNet-34 of pairs "
    "of 3x3 24.52 % (10 crops). Narrowing a layer that stays as wide and as deep was not measured there.",
    "He et al. 2015, arXiv:1512.03385, table 3",
)
_FACTORISE_5X5 = Risk(
    "low",
    "VGG: a net of 5x5 in place of pairs of 3x3 has a 7 % higher top-1 error. Inception: with an activation between "
    "the two, as here, 77.2 % top-1, without it 76.2 %.",
    "Simonyan and Zisserman 2014, arXiv:1409.1556, section 4.1; Szegedy et al. 2015, arXiv:1512.00567, section 3.1",
)
_FACTORISE_3X3 = Risk(
    "medium",
    "Does not work well on early layers; very good results on maps of 12x12 to 20x20 (there with 1x7 and 7x1).",
    "Szegedy et al. 2015, arXiv:1512.00567, section 3.2",
)

_RISKS: Mapping[str, Risk] = {
    "separable": _SEPARABLE,
    "group_shuffle": _GROUP_SHUFFLE,
    "bottleneck": _BOTTLENECK,
    "factorise5x5": _FACTORISE_5X5,
    "factorise3x3": _FACTORISE_3X3,
}


def risk_of(rule: str, options: RewriteOptions) -> Risk:
    """Return what was found of a rule of ``archlab.exchange.rewrite.RULES`` with such options."""
    return _SEPARABLE_WIDE if rule == "separable" and options.dm > 1 else _RISKS[rule]
