"""Random texts that are right by construction, for property tests.

Channels are multiples of 16 behind the stem and kernels are odd, so that every split is even, every group count divides
and no map vanishes. Branches that are joined end in a 1x1 convolution to the same width, at stride 1.
"""

from __future__ import annotations

import itertools
import re

from hypothesis import strategies as st

WIDTHS = ("16", "32", "48")


def named(text):
    """``text`` with a name of its own for each value: the innermost brackets ⟦…⟧ first, in which ◇ stands for it."""
    numbers = itertools.count()
    while "⟦" in text:
        text = re.sub("⟦([^⟦⟧]*)⟧", lambda match: match[1].replace("◇", f"v{next(numbers)}"), text)
    return text


@st.composite
def linked(draw, holes=False):
    """A text whose later stages read the outputs of earlier ones, by name; a space's with ``holes``."""
    stages = [f"a: {draw(sequences(holes, 1))}"]
    for name, before in zip("bcd", "abc", strict=True):
        reads = draw(st.sampled_from(sorted({"a", before})))
        reads = f"{{identity, {reads}}}" if holes and draw(st.booleans()) else reads
        other = draw(st.sampled_from(["identity", draw(sequences(holes, 1, False)), "zero", reads]))
        starts = draw(
            st.sampled_from(["cat({0}, {1})", "cat({1}, {0})", "add({0} -> conv(16, 1), {1} -> conv(16, 1))"])
        )
        stages.append(f"{name}: {starts.format(other, reads)} -> {draw(sequences(holes, 1, False))}")
    read_all = "head: cat(identity, a, b, c) -> gap -> fc(4)"
    return named("\n".join(["net n(input=3x24x20)", "var act = relu", OWN, "stem: conv(16, 3)", *stages, read_all]))


OWN = "block own(c, s=1) = conv(c, 3, s=s, act=act) as x -> relu -> add(identity, x) -> maxpool(3, s=1)"


@st.composite
def texts(draw, holes=False):
    """A network's text; a space's with ``holes``."""
    stages = [f"stage{i}: {draw(sequences(holes, 2))}" for i in range(draw(st.integers(1, 3)))]
    head = draw(st.sampled_from(["gap -> fc(10)", "gap -> dropout(0.2) -> fc(10)", "relu", "identity"]))
    kernel = "{3, 5}" if holes else "3"
    lines = [
        f"net n(input=3x{draw(st.sampled_from(['32x32', '17x9', '1x1']))})",
        f"var act = {'{relu, silu}' if holes else 'relu6'}",
        f"block own(c, s=1) = conv(c, {kernel}, s=s, act=act) -> maxpool(3, s=1)",
        "stem: conv(16, 3)",
        *stages,
        f"head: {head}",
    ]
    return named("\n".join(lines))


@st.composite
def detectors(draw, holes=False):
    """A detector's text, of levels p2 to p4 at least; a space's with ``holes``."""
    widths = ["24"] + ["{16, 24}", "[8..24 step 8]"] * holes
    bins, pool = draw(st.sampled_from(["3", "2x3"] + ["{3, 5}"] * holes)), draw(st.sampled_from([1, 2]))
    pools = [f"roi_align({bins}, sampling={pool}, rois=30)", f"roi_pool({bins}, rois=20)"]
    pools += ["{" + ", ".join(pools) + "}"] * holes
    levels = draw(st.sampled_from(["", ", finest=2, coarsest=3", ", finest=3", ", coarsest=3"]))
    stages = [f"stage{i}: {draw(sequences(holes, 1, stride=False))} -> conv({16 * i}, 3, s=2)" for i in range(1, 4)]
    lines = [
        f"net n(input=3x{draw(st.sampled_from(['64x64', '37x50', '3x200']))})",
        "var act = relu",
        "block own(c, s=1) = conv(c, 3, s=s, act=act)",
        "stem: conv(16, 3, s=2)",
        *stages,
        f"last: {draw(st.sampled_from(['relu', 'identity', 'dropout(0.1)', 'conv(16, s=1)', 'residual(conv(48))']))}",
        f"detect: fpn({draw(st.sampled_from(widths))}{levels}) -> {draw(st.sampled_from(pools))}"
        f" -> box_head({draw(st.sampled_from(widths))}, classes=3)",
    ]
    return named("\n".join(lines))


@st.composite
def sequences(draw, holes, depth, stride=True):
    """Layers on a map of 16 n channels, or of 4 n inside a split, that leave such a map."""
    return " -> ".join(draw(st.lists(layers(holes, depth, stride), min_size=1, max_size=3)))


@st.composite
def layers(draw, holes, depth, stride):
    """One layer, which may hold others ``depth`` deep."""
    simple = ["unit", "unit", "plain", "pool", "gate"] if stride else ["unit", "plain", "gate"]
    kind = draw(
        st.sampled_from(
            simple + ["residual", "skip", "add", "cat", "split", "repeat", "choice", "named", "named"] * (depth > 0)
        )
    )
    if kind == "plain":
        return draw(st.sampled_from(["relu", "bn", "identity", "dropout(0.1)", "prelu", "gn(2)", "shuffle(2)"]))
    if kind == "pool":
        return draw(st.sampled_from(["maxpool(3, s=2)", "avgpool(3, s=2)"]))
    if kind == "gate":
        return "squeeze_excite(0.25)"
    if kind == "unit":
        return draw(units(holes, stride))
    if kind in ("residual", "skip"):
        return f"{kind}({draw(sequences(holes, depth - 1, stride))})"
    if kind == "named":
        return draw(reused(holes, depth))
    if kind == "repeat":
        form = draw(st.sampled_from(["repeat", "each"]))
        count = draw(st.sampled_from(["1", "2", "3"] + ["{1, 3}", "[1..3]"] * holes))
        return f"{form}({count}, {draw(sequences(holes, depth - 1, stride))})"
    if kind == "choice":
        a, b = draw(sequences(holes, depth - 1, stride)), draw(sequences(holes, depth - 1, stride))
        return f"{{{a}, {b}}}" if holes and a != b else f"({a})"
    width = draw(st.sampled_from(WIDTHS))
    branches = [f"{draw(sequences(holes, depth - 1, False))} -> conv({width}, 1)" for _ in range(2)]
    return f"{kind}({', '.join(branches)})"


@st.composite
def reused(draw, holes, depth):
    """A value that is named, and read once or more behind it; branches that give nothing may stand beside."""
    first, middle = draw(sequences(holes, depth - 1, False)), draw(sequences(holes, depth - 1, False))
    read = draw(st.sampled_from(["◇", "◇ -> relu", "add(◇, ◇ -> bn)"] + ["{◇, identity}"] * holes))
    zero = draw(st.sampled_from(["zero", "conv(16, 3) -> zero"] + ["{zero, relu -> zero}"] * holes))
    ends = [
        f"cat(identity, {read})",
        f"cat({read}, identity) -> conv(16, 1) -> add(identity, {zero})",
        f"cat({zero}, {read}, identity)",
        f"add(conv(32, 1), {read} -> conv(32, 1))",
        f"cat(conv(16, 1) -> {zero}, {read})",
    ]
    given = draw(st.sampled_from([f"({first}) as ◇ -> {middle}", f"cat({first}, ({middle}) as ◇)"]))
    return f"⟦{given} -> {draw(st.sampled_from(ends))}⟧"


@st.composite
def units(draw, holes, stride):
    """A convolutional block."""
    name = draw(
        st.sampled_from(["conv", "separable", "basic", "bottleneck", "inverted", "group", "own", "shuffle_unit_v2"])
    )
    width = draw(st.sampled_from(WIDTHS + ("{16, 32}", "[16..48 step 16]") * holes))
    s = draw(st.sampled_from(["1", "2"])) if stride else "1"
    if name == "shuffle_unit_v2":  # at stride 1 half of the channels pass, so its width is the input's
        return f"{name}({width}, s=2)" if s == "2" else "split(identity, conv(16, 1)) -> conv(16, 1)"
    return f"{name}({width}, s={s})"
