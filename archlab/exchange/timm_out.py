"""A network as timm's block strings, in the file that ``archlab.exchange.timm_in`` reads.

Recognised from the operators, not the text: whatever it was written with, a block that does what timm's ``ir``, ``ds``,
``dsa``, ``er`` or ``cn`` does is that block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archlab.elaborate import Network, Space, elaborate
from archlab.elaborate.scope import round_to_divisor
from archlab.errors import InputError
from archlab.exchange.export_parts import DetectorPart, Weights
from archlab.exchange.timm_in import ACTIVATIONS, from_timm
from archlab.grammar import ast
from archlab.ir import Graph, Node

_LETTERS = {name: letters for letters, name in ACTIVATIONS.items()}
_KEYS = {"relu": "relu", "relu6": "relu6", "silu": "swish", "hardswish": "hard_swish", "mish": "mish"}
# A block's operators in order: w a 1x1, k any other convolution, d a depthwise one, b a norm, a an activation.
_GATE = "(?P<se>gwawsm)?"
_SHAPES = {
    "ir": re.compile(f"wbadba{_GATE}wb(?!a)[+]?"),
    "dsa": re.compile(f"dba{_GATE}wba"),
    "ds": re.compile(f"dba{_GATE}wb(?!a)[+]?"),
    "er": re.compile(f"kba{_GATE}wb(?!a)[+]?"),
    "cn": re.compile("[kw]ba[+]?"),
}


@dataclass(frozen=True, slots=True)
class _Said:
    """A block as it is said, before its ratio is written."""

    kind: str
    k: int
    s: int
    e: float
    c: int
    act: str
    squeezed: int
    gated: int
    into: int
    skip: bool
    able: bool


def write(space: Space, network: Network, seed: int, part: DetectorPart, weights: Weights | None = None) -> str:
    """Return the block strings of a network, or of a detector's backbone.

    Raises:
        InputError: a neck or box head is asked for, or the network is none that timm's strings say.
    """
    if network.detector is not None and part != "backbone":
        raise InputError("timm's strings hold no neck and box head", hint="add --part backbone")
    return to_timm(network.without_detector)


def to_timm(network: Network) -> str:
    """Return the network as a file of block strings: its first stage is the stem, its last the head.

    Raises:
        InputError: a block or the stem or head is none of timm's; the message names it and what it holds.
    """
    graph = network.graph
    stages = [(name, list(nodes)) for name, nodes in groupby(graph, key=lambda node: node.stage)]
    if len(stages) < 3:
        raise InputError(f"{network.name}: timm's strings need a stem, a stage and a head")
    (_, stem), *middle, (_, head) = stages
    said = [(name, _blocks(graph, name, nodes)) for name, nodes in middle]
    blocks = [block for _, found in said for block in found]
    by_input = all(b.squeezed in (0, max(1, _half_up(b.into * 0.25)), max(1, b.into // 4)) for b in blocks)
    default = max(_KEYS, key=lambda act: sum(block.act == act for block in blocks))
    kind = _kinds(stem)
    if kind != "kba" or stem[0].attrs["kernel"] != (3, 3) or stem[0].attrs["stride"] != (2, 2):
        raise InputError(f"stem: timm's is a 3x3 convolution at stride 2, not {_ops(stem)}")
    lines = [f"name {network.name}", f"stem {stem[0].shape[0]}", f"act {_KEYS[default]}"]
    lines.append(f"se {'in' if by_input else 'exp'}")
    lines += _head(head)
    for _, found in said:
        lines.append(" ".join(_strings(found, default, by_input)))
    text = "\n".join(lines) + "\n"
    _check(network, text)
    return text


def _check(network: Network, text: str) -> None:
    """Raise where ``text`` is another network, as it is where a block does what no string says."""
    said = from_timm(text)
    size = ("input", ast.Size(network.input_shape))
    again = elaborate(replace(said, options=(size,)))
    if again.digest == network.digest:
        return
    for node, other in zip(network.graph, again.graph, strict=False):
        differ = {key: value for key, value in node.attrs.items() if other.attrs.get(key) != value}
        if node.op != other.op or differ:
            shown = ", ".join(f"{key} {value}" for key, value in differ.items()) if node.op == other.op else ""
            raise InputError(f"{node.name}: no timm block string says this {node.op}" + (f" of {shown}" * bool(shown)))
    raise InputError(f"{network.name}: timm's strings say another network")


def _blocks(graph: Graph, stage: str, nodes: Sequence[Node]) -> list[_Said]:
    """Return the blocks of a stage, each the first of timm's that its next operators make."""
    word, start = _kinds(nodes), 0
    found: list[_Said] = []
    while start < len(nodes):
        matches = ((kind, shape.match(word, start)) for kind, shape in _SHAPES.items())
        kind, match = next(((kind, match) for kind, match in matches if match), ("", None))
        if match is None:
            raise InputError(f"{nodes[start].block or stage}: no timm block string says {_ops(nodes[start:])}")
        gated = "se" in match.groupdict() and match["se"] is not None
        found.append(_said(graph, kind, nodes[start : match.end()], gated))
        start = match.end()
    return found


def _kinds(nodes: Sequence[Node]) -> str:
    """Return a block's operators as a word."""
    return "".join(map(_kind, nodes))


def _kind(node: Node) -> str:
    if node.op == "conv2d":
        a = node.attrs
        if a["groups"] == a["in_channels"] == a["out_channels"] and a["groups"] > 1:
            return "d"
        plain = a["groups"] == 1 and a["dilation"] == (1, 1) and a["kernel"][0] == a["kernel"][1]
        same = plain and "padding_end" not in a and a["padding"][0] == a["padding"][1] == (a["kernel"][0] - 1) // 2
        return ("w" if a["kernel"] == (1, 1) and a["stride"] == (1, 1) else "k") if same else "?"
    if node.op in _LETTERS:
        return "a"
    return {"bn": "b", "gap": "g", "sigmoid": "s", "hardsigmoid": "s", "mul": "m", "add": "+"}.get(node.op, "?")


def _said(graph: Graph, kind: str, nodes: Sequence[Node], gated: bool) -> _Said:
    convs = [node for node in nodes if node.op == "conv2d"]
    spatial = convs[1] if kind == "ir" else convs[0]
    into, out = graph.shape_of(nodes[0].inputs[0]), nodes[-1].shape
    return _Said(
        kind=kind,
        k=spatial.attrs["kernel"][0],
        s=spatial.attrs["stride"][0],
        e=spatial.shape[0] / into[0],
        c=out[0],
        act=next(node.op for node in nodes if node.op in _LETTERS),
        squeezed=convs[-3].shape[0] if gated else 0,
        gated=spatial.shape[0],
        into=into[0],
        skip=nodes[-1].op == "add",
        able=into == out,
    )


def _ops(nodes: Sequence[Node]) -> str:
    shown = [node.op for node in nodes[:8]]
    return " -> ".join(shown) + (" …" if len(nodes) > 8 else "")


def _head(nodes: Sequence[Node]) -> list[str]:
    word = _kinds([node for node in nodes if node.op not in ("flatten", "dropout", "linear")])
    dropout = [f"dropout {node.attrs['p']:g}" for node in nodes if node.op == "dropout"]
    first = next((node.shape[0] for node in nodes if node.op == "conv2d"), 0)
    if word == "wbag":
        return [f"head {first}", *dropout]
    if word == "gwa":
        return [f"head_pooled {first}", *dropout]
    if word == "g":
        return dropout
    raise InputError(f"head: timm's is a 1x1 convolution, pooling and a linear layer, not {_ops(nodes)}")


def _strings(blocks: Sequence[_Said], default: str, by_input: bool) -> list[str]:
    """Return the strings of a stage; a block that repeats is said once, with the first one's stride."""
    said: list[tuple[_Said, int]] = []
    for block in blocks:
        like = replace(block, s=1, into=0, squeezed=0, skip=False, able=False, e=round(block.e, 2))
        if said:
            last, n = said[-1]
            before = replace(last, s=1, into=0, squeezed=0, skip=False, able=False, e=round(last.e, 2))
            if block.s == 1 and _ratio(block, by_input) == _ratio(last, by_input) and (
                replace(like, gated=0) == replace(before, gated=0)
            ) and block.skip == (last.skip if block.kind == "cn" else block.able):  # fmt: skip
                said[-1] = last, n + 1
                continue
        said.append((block, 1))
    return [_string(block, n, default, by_input) for block, n in said]


def _string(block: _Said, n: int, default: str, by_input: bool) -> str:
    parts = [block.kind, f"r{n}", f"k{block.k}", f"s{block.s}"]
    parts += [f"e{_expansion(block):g}"] * (block.kind in ("ir", "er"))
    parts.append(f"c{block.c}")
    parts += [f"se{_ratio(block, by_input):g}"] * (block.squeezed > 0)
    parts += [f"n{_LETTERS[block.act]}"] * (block.act != default)
    parts += ["skip"] * (block.kind == "cn" and block.skip)
    parts += ["noskip"] * (block.able and not block.skip and block.kind not in ("cn", "dsa"))
    return "_".join(parts)


def _expansion(block: _Said) -> float:
    """Return the ratio with the fewest digits that gives the block's channels, which are rounded to a multiple of 8."""
    for digits in range(8):
        ratio = round(block.e, digits)
        if round_to_divisor(block.into * ratio, 8) == block.gated:
            return ratio
    raise InputError(f"{block.gated} channels of an expansion are no multiple of 8, as timm's are")


def _ratio(block: _Said, by_input: bool) -> float:
    """Return the ratio of squeeze and excitation with the fewest digits; 0 without."""
    whole = block.into if by_input else block.gated
    if not block.squeezed:
        return 0.0
    for digits in range(1, 8):
        ratio = round(block.squeezed / whole, digits)
        for tried in (0.25, ratio):
            if block.squeezed == (max(1, _half_up(whole * tried)) if by_input else round_to_divisor(whole * tried, 8)):
                return tried
    raise InputError(f"{block.squeezed} channels of squeeze and excitation are no ratio of {whole}")


def _half_up(value: float) -> int:
    return int(value + 0.5)
