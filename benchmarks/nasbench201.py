"""NAS-Bench-201: 15,625 trained cells on three data sets (Dong & Yang 2020, arXiv:2001.00326), looked up.

The table is ``nasbench201.csv`` in ``../shared/data/nasbench201`` beside the repository; its space is
``benchmarks/nasbench201.arch``. Edges that no way from the cell's input to its output passes do nothing, so several
rows are one network: its accuracy is the mean of theirs, and a search that pays for one has paid for all. The 341 rows
without any way are no network. FLOPs are MACs at 3x32x32, for every data set alike: they differ by a factor.
"""

from __future__ import annotations

import csv
import functools
from collections import defaultdict
from pathlib import Path

from archlab.cost import cost
from archlab.elaborate import Fixed, Hole, Interpreter, Value, load
from archlab.grammar import parse_file
from benchmarks.macro import Table

CSV = Path(__file__).resolve().parents[1] / "../shared/data/nasbench201/nasbench201.csv"
SPACE = Path(__file__).with_name("nasbench201.arch")
DATA = ("cifar10", "cifar100", "imagenet16")
EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")
ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
ZERO, IDENTITY, CONV1, CONV3, POOL = range(5)
"""What a digit of the table stands for, in the order of the choices of the space."""

LABELS = ("zero", "identity", "act_conv(1)", "act_conv(3)", "avgpool(3, s=1)")
Digits = tuple[int, ...]


def what_is_left(digits: Digits) -> tuple[str, Digits]:
    """Return what a cell computes, the same for cells that do the same, and the operations that a way passes.

    >>> what_is_left((3, 0, 0, 1, 2, 4))
    ('+(0,2(3(0))) 23', (3, 1, 2))
    """
    forward, backward = {0}, {3}
    for (a, b), digit in zip(ENDS, digits, strict=True):
        if digit != ZERO and a in forward:
            forward.add(b)
    for (a, b), digit in reversed(list(zip(ENDS, digits, strict=True))):
        if digit != ZERO and b in backward:
            backward.add(a)
    alive = [
        (ends, digit)
        for ends, digit in zip(ENDS, digits, strict=True)
        if digit != ZERO and ends[0] in forward and ends[1] in backward
    ]

    def node(number: int) -> str:
        if number == 0:
            return "0"
        inputs = sorted(
            node(a) if digit == IDENTITY else f"{digit}({node(a)})" for (a, b), digit in alive if b == number
        )
        return inputs[0] if len(inputs) == 1 else f"+({','.join(inputs)})"

    left = tuple(digit for _, digit in alive)
    # With the layers, since one that is read twice is not two.
    layers = "".join(map(str, sorted(digit for digit in left if digit != IDENTITY)))
    return (f"{node(3)} {layers}".strip() if alive else ""), left


@functools.cache
def read_tables(path: Path = CSV) -> dict[str, Table]:
    """Return a table for each data set, all beside one space."""
    interpreter = Interpreter(load(parse_file(SPACE)))
    holes: dict[str, Hole] = {}

    def first(hole: Hole) -> Value:
        holes[hole.name] = hole
        return hole.labels[IDENTITY]

    plain = cost(interpreter.network(first)).macs
    ordered = tuple(holes[name] for name in EDGES)
    extra = {}
    for digit in (CONV1, CONV3):
        values = dict.fromkeys(EDGES, ordered[0].labels[IDENTITY]) | {"e01": ordered[0].labels[digit]}
        extra[digit] = cost(interpreter.network(Fixed(values))).macs - plain
    flops: dict[tuple[Value, ...], int] = {}
    same: dict[str, list[tuple[Value, ...]]] = defaultdict(list)
    trained: dict[tuple[Value, ...], tuple[float, ...]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            digits = tuple(map(int, row["arch"]))
            words, alive = what_is_left(digits)
            if not words:
                continue
            key = tuple(hole.labels[digit] for hole, digit in zip(ordered, digits, strict=True))
            flops[key] = plain + sum(extra.get(digit, 0) for digit in alive)
            trained[key] = tuple(float(row[name]) for name in DATA)
            same[words].append(key)
    tables = {}
    for i, name in enumerate(DATA):
        means = {words: sum(trained[key][i] for key in keys) / len(keys) for words, keys in same.items()}
        accuracy = {key: means[words] for words, keys in same.items() for key in keys}
        distinct = tuple(keys[0] for keys in same.values())
        tables[name] = Table(interpreter, ordered, accuracy, {}, {}, flops, distinct)
    return tables
