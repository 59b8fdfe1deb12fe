"""Graphs put together operator by operator, which no text of the language gave."""

from __future__ import annotations

import random
from typing import Any

from archlab.ir import INPUT, Graph, Node, Shape
from archlab.ops import OPS, apply_op


class Builder:
    """A graph in the making: each call adds an operator on named inputs and returns its name."""

    def __init__(self, shape: Shape = (16, 32, 32)) -> None:
        self.shapes = {INPUT: shape}
        self.nodes: list[Node] = []

    def __call__(self, op: str, *inputs: str, **args: Any) -> str:
        applied = apply_op(op, [self.shapes[i] for i in inputs], {**OPS[op].signature, **args})
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node.of(applied, name, inputs, name, name))
        self.shapes[name] = applied.shape
        return name

    def unit(self, x: str, c: int, k: int = 3, s: int = 1, act: str = "relu") -> str:
        """Convolution, batch norm and activation."""
        y = self("bn", self("conv2d", x, c=c, k=k, s=s))
        return self(act, y) if act else y

    def graph(self, name: str, outputs: tuple[str, ...] = ()) -> Graph:
        return Graph(name, self.shapes[INPUT], tuple(self.nodes), outputs)


def unet() -> Graph:
    """Three resolutions down, and up again beside what was there."""
    b = Builder((3, 64, 64))
    x, skips = INPUT, []
    for c in (16, 32, 64):
        x = b.unit(b.unit(x if c == 16 else b("maxpool", x, k=2), c), c)
        skips.append(x)
    for c, skip in ((32, skips[1]), (16, skips[0])):
        x = b.unit(b.unit(b("cat", b("upsample", x), skip), c), c)
    b("conv2d", x, c=2, k=1, bias=1)
    return b.graph("unet")


def path_aggregation() -> Graph:
    """A pyramid down, up and down again, each way beside the last (PANet, arXiv:1803.01534; YOLO's neck)."""
    b = Builder((3, 64, 64))
    first = b.unit(INPUT, 16, s=2)
    second = b.unit(first, 32, s=2)
    third = b.unit(second, 64, s=2)
    up = b.unit(b("cat", b("upsample", third), second), 32)
    top = b.unit(b("cat", b("upsample", up), first), 16)
    down = b.unit(b("cat", b.unit(top, 32, s=2), up), 32)
    b.unit(b("cat", b.unit(down, 64, s=2), third), 64)
    return b.graph("path_aggregation")


def res2net() -> Graph:
    """A block whose shares of the channels go on to the next share (arXiv:1904.01169)."""
    b = Builder()
    x = b.unit(INPUT, 32, 1)
    shares = [b("slice", x, start=8 * i, stop=8 * i + 8) for i in range(4)]
    done = [shares[0], b.unit(shares[1], 8)]
    for share in shares[2:]:
        done.append(b.unit(b("add", share, done[-1]), 8))
    b("relu", b("add", b.unit(b("cat", *done), 16, 1, act=""), INPUT))
    return b.graph("res2net")


def nasbench201() -> Graph:
    """A cell of NAS-Bench-201 (arXiv:2001.00326): each of its nodes is a sum over all nodes before."""
    b = Builder()
    first = b.unit(INPUT, 16)
    second = b("add", b.unit(INPUT, 16, 1), b("avgpool", first, k=3, s=1))
    b("add", b("add", b.unit(INPUT, 16), b.unit(first, 16, 1)), b.unit(second, 16))
    return b.graph("nasbench201")


def flat_dense(layers: int = 6) -> Graph:
    """Dense layers as torchvision has them: each concatenation takes all maps so far."""
    b = Builder()
    maps = [INPUT]
    for _ in range(layers):
        maps.append(b.unit(b("cat", *maps) if len(maps) > 1 else INPUT, 8))
    b("cat", *maps)
    return b.graph("flat_dense")


def c2f() -> Graph:
    """YOLOv8's C2f: halves of the channels, and what becomes of the second, all concatenated."""
    b = Builder()
    x = b.unit(INPUT, 32, 1)
    parts = [b("slice", x, start=0, stop=16), b("slice", x, start=16, stop=32)]
    for _ in range(2):
        parts.append(b("add", parts[-1], b.unit(b.unit(parts[-1], 16), 16)))
    b.unit(b("cat", *parts), 32, 1)
    return b.graph("c2f")


def unequal() -> Graph:
    """Shares of the channels that are no halves."""
    b = Builder()
    parts = [b("slice", INPUT, start=0, stop=4), b("slice", INPUT, start=4, stop=16)]
    b("cat", b("relu", parts[0]), parts[1])
    return b.graph("unequal")


def random_graph(seed: int) -> Graph:
    """Operators on anything that ran before, such that all are needed."""
    rng = random.Random(seed)
    b = Builder((8, 16, 16))
    values, used = [INPUT], set()
    for _ in range(rng.randint(2, 14)):
        inputs = [rng.choice(values[-4:]) for _ in range(rng.choice([1, 1, 2, 3]))]
        used.update(inputs)
        if len(inputs) == 1:
            op = rng.choice(["unit", "unit", "relu", "pool"])
            value = b.unit(inputs[0], 8, rng.choice([1, 3])) if op == "unit" else _plain(b, op, inputs[0])
        else:
            op = rng.choice(["add", "mul", "cat"])
            value = b(op, *inputs)
            value = b.unit(value, 8, 1) if op == "cat" else value
        values.append(value)
    ends = [value for value in values[1:] if value not in used]
    if len(ends) > 1:
        b("cat", *ends)
    return b.graph(f"random{seed}")


def _plain(b: Builder, op: str, x: str) -> str:
    return b("relu", x) if op == "relu" else b("maxpool", x, k=3, s=1)
