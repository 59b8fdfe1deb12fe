"""The literature's ways to make a convolution cheaper, as rules from a convolution to the layers in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archlab.errors import InputError, did_you_mean, quote
from archlab.grammar import ast


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution to replace: whether it is a ``conv`` with norm and activation, its arguments, and its kernel."""

    is_block: bool
    c: ast.Expr
    k: int
    stride: tuple[tuple[str, ast.Expr], ...]
    rest: tuple[tuple[str, ast.Expr], ...]

    def make(self, c: ast.Expr, k: int, stride: bool = False, g: ast.Expr | None = None) -> ast.Call:
        """Return another convolution of its kind, with its norm and activation."""
        keywords = self.stride if stride else ()
        keywords += () if g is None else (("g", g),)
        name = "conv" if self.is_block else "conv2d"
        return ast.Call(name, (c, ast.Number(k)), (*keywords, *self.rest))


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """What a rule can be given: the depth multiplier, the groups, and the share of channels in the middle."""

    dm: int = 1
    groups: int = 2
    e: float = 0.25


Rule = Callable[[Conv, RewriteOptions], ast.Expr | None]


def _factorise5x5(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a 5x5 by two 3x3 (VGG, arXiv:1409.1556, section 2.3; Inception-v3, arXiv:1512.00567, section 3.1)."""
    if conv.k != 5:
        return None
    if conv.is_block:
        return ast.Call("two3x3", (conv.c,), (*conv.stride, *conv.rest))
    return ast.Sequence((conv.make(conv.c, 3, stride=True), conv.make(conv.c, 3)))


def _factorise3x3(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a 3x3 by a 1x3, then a 3x1 (Inception-v3, arXiv:1512.00567, section 3.2)."""
    if conv.k != 3:
        return None
    if conv.is_block:
        return ast.Call("factorised", (conv.c, ast.Number(3)), (*conv.stride, *conv.rest))
    one = ast.Number(1)
    strides = [
        tuple((key, ast.Call("size", pair)) for key, s in conv.stride for pair in [(one, s) if first else (s, one)])
        for first in (True, False)
    ]
    return ast.Sequence((
        ast.Call("conv2d", (conv.c, ast.Size((1, 3))), (*strides[0], *conv.rest)),
        ast.Call("conv2d", (conv.c, ast.Size((3, 1))), (*strides[1], *conv.rest)),
    ))  # fmt: skip


def _separable(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a kernel by a depthwise one with dm filters per channel, then a pointwise one.

    Xception, arXiv:1610.02357; MobileNet, arXiv:1704.04861.
    """
    if conv.k == 1:
        return None
    if conv.is_block:
        dm = (("dm", ast.Number(options.dm)),) if options.dm != 1 else ()
        return ast.Call("separable", (conv.c, ast.Number(conv.k)), (*conv.stride, *dm, *conv.rest))
    entering = ast.Name("in")
    filters = entering if options.dm == 1 else ast.Binary("*", entering, ast.Number(options.dm))
    return ast.Sequence((conv.make(filters, conv.k, stride=True, g=entering), conv.make(conv.c, 1)))


def _group_shuffle(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a convolution by a grouped convolution, then a channel shuffle (ShuffleNet, arXiv:1707.01083)."""
    groups = ast.Number(options.groups)
    return ast.Sequence((conv.make(conv.c, conv.k, stride=True, g=groups), ast.Call("shuffle", (groups,))))


def _bottleneck(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a kernel by a 1x1 down, the kernel on fewer channels, and a 1x1 up (ResNet, arXiv:1512.03385)."""
    if conv.k == 1:
        return None
    narrow: ast.Expr = ast.Binary("*", conv.c, ast.Number(options.e))
    if isinstance(conv.c, ast.Number) and conv.c.value * options.e == int(conv.c.value * options.e):
        narrow = ast.Number(int(conv.c.value * options.e))
    middle = conv.make(narrow, conv.k, stride=True)
    return ast.Sequence((conv.make(narrow, 1), middle, conv.make(conv.c, 1)))


RULES: Mapping[str, Rule] = {
    "factorise5x5": _factorise5x5,
    "factorise3x3": _factorise3x3,
    "separable": _separable,
    "group_shuffle": _group_shuffle,
    "bottleneck": _bottleneck,
}
"""The rules by name."""

_OPTION_OF: Mapping[str, tuple[str, str]] = {
    "separable": ("dm", "dm"),
    "group_shuffle": ("groups", "g"),
    "bottleneck": ("e", "e"),
}
"""The option that a rule takes: its name, and how a text writes it."""


def option_of(rule: str, options: RewriteOptions) -> dict[str, int | float]:
    """Return the option that a rule takes, by its name; nothing where it takes none."""
    found = _OPTION_OF.get(rule)
    return {found[0]: getattr(options, found[0])} if found else {}


def title_of(rule: str, options: RewriteOptions) -> str:
    """Return a rule with its option as a text would write it, such as ``separable dm=4``."""
    found = _OPTION_OF.get(rule)
    return f"{rule} {found[1]}={getattr(options, found[0])}" if found else rule


def parse_rule(text: str) -> tuple[str, RewriteOptions]:
    """Return the rule and the options that a title says; without an option the rule has its default.

    >>> parse_rule("group_shuffle g=4")
    ('group_shuffle', RewriteOptions(dm=1, groups=4, e=0.25))

    Raises:
        InputError: there is no such rule, or it does not take what is written behind it.
    """
    rule, _, rest = text.strip().partition(" ")
    if rule not in RULES:
        raise InputError(f"there is no rule {quote(rule)}", hint=did_you_mean(rule, RULES))
    if not rest.strip():
        return rule, RewriteOptions()
    name, written = _OPTION_OF.get(rule, ("", ""))
    key, _, number = rest.replace(" ", "").partition("=")
    try:
        value = float(number) if name == "e" else int(number)
    except ValueError:
        value = 0
    if not written or key != written or not (0 < value <= 1 if name == "e" else 1 <= value <= 4096):
        takes = f"it takes {title_of(rule, RewriteOptions(groups=4))}, for example" if written else "it takes no option"
        raise InputError(f"{quote(rest.strip())} is no option of the rule {rule}", hint=takes)
    return rule, RewriteOptions(**{name: value})  # type: ignore[arg-type]  # a whole number but for e
