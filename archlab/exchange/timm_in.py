"""timm's block strings in and out: ``ir_r2_k3_s2_e6_c24_se0.25`` (timm/models/_efficientnet_builder.py).

The strings say a network's stages. What timm keeps beside them stands above them in a file, a ``key value`` a line:

    name efficientnet_b0    # the network's name
    stem 32                 # channels of the 3x3 at stride 2
    act swish               # where a block says no other: relu, relu6, swish, hard_swish or mish
    se in                   # ratios are of a block's input (EfficientNet), or of its expansion (exp: MobileNet v3)
    head 1280               # channels of the last 1x1; behind the pooling, with bias and no norm: head_pooled
    dropout 0.2             # before the classifier
    ds_r1_k3_s1_e1_c16_se0.25
    ir_r2_k3_s2_e6_c24_se0.25

A line of strings, with spaces between them, is a stage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from archlab.errors import InputError, did_you_mean, quote
from archlab.grammar import ast, parse

ACTIVATIONS = {"re": "relu", "r6": "relu6", "sw": "silu", "hs": "hardswish", "mi": "mish"}
_NAMES = {"relu": "relu", "relu6": "relu6", "swish": "silu", "silu": "silu", "hard_swish": "hardswish", "mish": "mish"}
_KEYS = {"name": "network", "stem": "32", "act": "relu", "se": "in", "head": "0", "head_pooled": "0", "dropout": "0"}
_MAX_DIGITS = 18
_NUMBERS = {
    "ir": ("r", "k", "s", "e", "c", "se"),
    "ds": ("r", "k", "s", "e", "c", "se"),
    "dsa": ("r", "k", "s", "e", "c", "se"),
    "er": ("r", "k", "s", "e", "c", "se"),
    "cn": ("r", "k", "s", "c"),
}
_UNSAID = {
    "uir": "universal inverted bottlenecks",
    "mha": "attention",
    "mqa": "attention",
    "a": "a kernel of the expansion",
    "p": "a kernel of the projection",
    "cc": "conditional convolutions",
    "d": "space to depth",
    "fc": "forced input channels",
    "gs": "group sizes",
}


@dataclass(frozen=True, slots=True)
class TimmBlock:
    """A block string: its type, its numbers by letter, its activation where it names one, and its skip."""

    kind: str
    numbers: Mapping[str, float]
    act: str | None = None
    skip: bool | None = None

    def __getitem__(self, key: str) -> float:
        return self.numbers.get(key, 0)


def read_block(text: str) -> TimmBlock:
    """Return a block string, read.

    >>> read_block("ir_r2_k3_s2_e6_c24_nre").act
    'relu'

    Raises:
        InputError: it is no block string, or says what the language does not; the message names the part.
    """
    kind, *parts = text.split("_")
    shown = text if len(text) <= 80 else text[:80] + "…"
    if kind not in _NUMBERS:
        known = f"{_UNSAID[kind]} cannot be imported" if kind in _UNSAID else "there is no such block type"
        raise InputError(f"{shown}: {known}: {quote(kind)}", hint=f"the types are {', '.join(_NUMBERS)}")
    numbers: dict[str, float] = {}
    act: str | None = None
    skip: bool | None = None
    for part in parts:
        found = re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", part)
        if part in ("skip", "noskip"):
            skip = part == "skip"
        elif part[:1] == "n" and part[1:] in ACTIVATIONS:
            act = ACTIVATIONS[part[1:]]
        elif found and found[1] in _NUMBERS[kind]:
            if len(found[2]) > _MAX_DIGITS:
                raise InputError(f"{shown}: {quote(part)} has more than {_MAX_DIGITS} digits")
            numbers[found[1]] = float(found[2])
        else:
            letters = re.match(r"[a-z]*", part)
            key = letters[0] if letters else ""
            raise InputError(
                f"{shown}: {_UNSAID[key]} cannot be imported: {quote(part)}" if key in _UNSAID else
                f"{shown}: {quote(part)} means nothing in a block of type {kind}"
            )  # fmt: skip
    missing = [key for key in ("r", "k", "s", "c", *("e" * (kind in ("ir", "er")))) if key not in numbers]
    if missing:
        raise InputError(f"{shown}: it lacks {missing[0]!r}", hint="write it like ir_r2_k3_s2_e6_c24_se0.25")
    return TimmBlock(kind, numbers, act, skip)


def from_timm(text: str, source: str = "<timm>") -> ast.Architecture:
    """Return the architecture that a file of block strings describes; see the module for its form.

    Raises:
        InputError: a line cannot be read, or says what the language does not; the message names line and part.
    """
    keys = dict(_KEYS)
    stages: list[list[TimmBlock]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        if words[0] in keys and len(words) == 2 and not stages:
            keys[words[0]] = words[1]
            continue
        if len(words) == 2 and "_" not in words[0]:
            raise InputError(f"{source}:{number}: there is no key {words[0]!r}", hint=did_you_mean(words[0], keys))
        try:
            stages.append([read_block(word) for word in words])
        except InputError as error:
            raise InputError(f"{source}:{number}: {error.message}", hint=error.hint) from None
    if not stages:
        raise InputError(f"{source}: there are no block strings", hint="write them like ir_r2_k3_s2_e6_c24_se0.25")
    return parse(_text(keys, stages, source), source)


def _text(keys: Mapping[str, str], stages: list[list[TimmBlock]], source: str) -> str:
    if keys["act"] not in _NAMES or keys["se"] not in ("in", "exp"):
        key = "act" if keys["act"] not in _NAMES else "se"
        values = ", ".join(_NAMES) if key == "act" else "in, exp"
        raise InputError(f"{source}: {key} cannot be {keys[key]!r}", hint=f"it takes {values}")
    for key in ("stem", "head", "head_pooled"):
        if not keys[key].isdigit():
            raise InputError(f"{source}: {key} must be a number of channels, not {keys[key]!r}")
    act = _NAMES[keys["act"]]
    used = {block.kind for blocks in stages for block in blocks}
    exp = keys["se"] == "exp"
    gate = "act=relu, gate=hardsigmoid" if exp else "act=act, gate=sigmoid"
    # The ratio of the input's channels, or of those that enter the gate, rounded as channels are.
    ratio = "round_to(in * r, 8)" if exp else "max(1, n)"
    lines = [f"net {re.sub(r'[^A-Za-z0-9_]', '_', keys['name'])}(input=3x224x224)"]
    lines.append(f"block unit(c, k=1, s=1, g=1, act={act}) = conv(c, k, s=s, g=g, act=act)")
    if any(block["se"] for blocks in stages for block in blocks):
        lines.append(f"block se(r, n, act={act}) = squeeze_excite(n={ratio}, {gate}) if r > 0 else identity")
        gated = " -> se(r, in * r, act=act)"
    else:
        gated = ""
    r = ", r=0" if gated else ""
    if "ir" in used:
        lines.append(
            f"block ir(c, k=3, s=1, e=6{r}, act={act}) = unit(round_to(in * e, 8), act=act)"
            f" -> unit(round_to(in * e, 8), k, s=s, g=round_to(in * e, 8), act=act){gated} -> unit(c, act=none)"
        )
    if used & {"ds", "dsa"}:
        lines.append(
            f"block ds(c, k=3, s=1{r}, act={act}, last=none) = unit(in, k, s=s, g=in, act=act){gated}"
            " -> unit(c, act=last)"
        )
    if "er" in used:
        lines.append(
            f"block er(c, k=3, s=1, e=4{r}, act={act}) = unit(round_to(in * e, 8), k, s=s, act=act){gated}"
            " -> unit(c, act=none)"
        )
    lines.append(f"stem: unit({keys['stem']}, 3, s=2)")
    for i, blocks in enumerate(stages, 1):
        lines.append(f"stage{i}: {' -> '.join(_layer(block, act) for block in blocks)}")
    head = f"unit({keys['head']}) -> gap" if keys["head"] != "0" else "gap"
    if keys["head_pooled"] != "0":
        head += f" -> conv2d({keys['head_pooled']}, 1, bias=1) -> {act}"
    try:
        dropout = float(keys["dropout"])
    except ValueError:
        raise InputError(f"{source}: dropout must be a number, not {keys['dropout']!r}") from None
    tail = f"flatten -> dropout({dropout:g}) -> linear(1000)" if dropout else "fc(1000)"
    return "\n".join([*lines, f"head: {head} -> {tail}", ""])


def _layer(block: TimmBlock, default: str) -> str:
    arguments = [f"{block['c']:g}", f"{block['k']:g}"]
    arguments += [f"s={block['s']:g}"] * (block["s"] != 1)
    arguments += [f"e={block['e']:g}"] * (block.kind in ("ir", "er"))
    arguments += [f"r={block['se']:g}"] * (block["se"] > 0)
    act = block.act or default
    arguments += [f"act={act}"] * (act != default)
    arguments += [f"last={act}"] * (block.kind == "dsa")
    name = {"cn": "unit", "dsa": "ds"}.get(block.kind, block.kind)
    skips = block.skip is True if block.kind == "cn" else block.kind != "dsa" and block.skip is not False
    layer = f"{name}({', '.join(arguments)})"
    layer = f"skip({layer})" if skips else layer
    return layer if block["r"] == 1 else f"repeat({block['r']:g}, {layer})"
