"""Networks for the tests of this folder: texts to graphs, and random texts of the language's blocks."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import assume
from hypothesis import strategies as st

from archlab.elaborate import Interpreter, Random, elaborate, load
from archlab.errors import ElaborationError
from archlab.grammar import ast, parse, parse_file
from archlab.ir import Graph
from archlab.resources import find_architecture

DETECTOR = """
net small(input=3x50x68)
stem: conv(8, 3, s=2) -> maxpool(3, s=2)
stage2: basic(8) -> inverted(12, s=2)
stage3: basic(16, s=2)
detect: fpn(8) -> roi_align(5x3, sampling=2, rois=20) -> box_head(16, classes=3)
"""


def graph_of(text: str) -> Graph:
    """The default network of a text."""
    return elaborate(parse(text)).graph


def shipped(name: str, side: int | None = None) -> Graph:
    """The default network of a shipped name, at another input size where ``side`` is given."""
    return elaborate(resized(parse_file(find_architecture(name)), side)).graph


def draws(name: str, n: int, side: int, seed: int = 0) -> list[Graph]:
    """``n`` random networks of a shipped space at input size ``side``."""
    interpreter = Interpreter(load(resized(parse_file(find_architecture(name)), side)))
    rng = random.Random(seed)
    return [interpreter.network(Random(rng)).graph for _ in range(n)]


def resized(architecture: ast.Architecture, side: int | None) -> ast.Architecture:
    """The architecture with an input of 3 x ``side`` x ``side``."""
    if side is None:
        return architecture
    options = dict(architecture.options) | {"input": ast.Size((3, side, side))}
    return dataclasses.replace(architecture, options=tuple(options.items()))


ACTIVATIONS = ("relu", "relu6", "hardswish", "silu", "gelu", "elu", "mish", "prelu", "leaky_relu", "none")
# With channels of multiples of 12, every group count below divides.
_CHANNELS = st.sampled_from([12, 24, 36])
_KERNELS = st.sampled_from([1, 2, 3, 5])
_STRIDES = st.sampled_from([1, 1, 2])
_GROUPS = st.sampled_from([1, 2, 3, 4, 6])


@st.composite
def _blocks(draw: st.DrawFn) -> str:
    c, k, s, g = draw(_CHANNELS), draw(_KERNELS), draw(_STRIDES), draw(_GROUPS)
    odd = draw(st.sampled_from([1, 3, 5]))
    tail = f"act={draw(st.sampled_from(ACTIVATIONS))}, norm={draw(st.sampled_from(['bn', 'none', 'gn(3)']))}"
    return draw(
        st.sampled_from(
            [
                f"conv({c}, {k}, s={s}, g={g}, {tail})",
                f"conv({c}, {odd}, s={s}, d=2, {tail})",
                f"conv2d({c}, {odd}x1, bias=1)",
                f"two3x3({c}, s={s}, {tail})",
                f"factorised({c}, {odd}, s={s}, {tail})",
                f"group({c}, {k}, s={s}, g={g}, {tail})",
                f"separable({c}, {k}, s={s}, dm={g}, {tail})",
                f"basic({c}, {odd}, s={s}, {tail})",
                f"bottleneck({c}, {odd}, s={s}, g={g}, e=0.5, {tail})".replace(f"g={g}", "g=2"),
                f"inverted({c}, {odd}, s={s}, e={g}, se={g % 2 / 4}, {tail})",
                f"shuffle_unit(48, 3, s=1, g={draw(st.sampled_from([1, 2, 3]))})",
                f"shuffle_unit_v2({c}, {odd}, s=2)",
                "split(identity, relu, tanh)",
                f"conv({c}, {k}, s={s}, g={g}, p=tf, {tail})",
                f"wsconv2d({c}, {k}, s={s}, g=2, p={draw(st.sampled_from(['same', 'tf']))}, gain={g % 2}, bias=1)",
                f"conv_transpose({c}, {k}, s={s}, g={g}, bias=1) -> bn(affine=0)",
                f"upsample({s}, mode=bilinear) -> resize(20x{20 + k})",
                f"mul(identity, gap -> channel_conv({odd}) -> sigmoid) -> group_sum({g}) -> conv({c}, 1)",
                f"maxpool({odd}, s={s})",
                f"avgpool({k})",
                f"cat(identity, conv({c}, 1), identity)",
                f"mul(conv({c}, 3), conv({c}, 1), gap -> conv({c}, 1, norm=none) -> sigmoid)",
                "upsample(2)",
                "dropout(0.3)",
                "shuffle(4)",
            ]
        )
    )


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts of small random networks."""
    stages = draw(st.lists(st.lists(_blocks(), min_size=1, max_size=3), min_size=1, max_size=3))
    side = draw(st.integers(24, 40))
    lines = [f"net random(input=3x{side}x{side + 3}, divisor=12)", "stem: conv(12, 3)"]
    lines += [f"stage{i}: {' -> '.join(stage)}" for i, stage in enumerate(stages, 1)]
    text = "\n".join([*lines, draw(st.sampled_from(["head: gap -> fc(7)", "head: conv(5, 1)", "head: flatten"]))])
    try:
        elaborate(parse(text))
    except ElaborationError as error:
        # Which texts are drawn differs between Hypothesis's versions: some stride until no map is left.
        assume("the spatial size vanishes" not in error.message)
        raise
    return text
