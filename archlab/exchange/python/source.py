"""A network as Python source that needs torch and nothing else: a class a block, a loop for what repeats.

The module it makes has the state-dict keys of ``archlab.nn.build``'s and computes the same.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence

from archlab.cost import cost
from archlab.elaborate import Network, Space
from archlab.errors import InputError
from archlab.exchange.constructors import Argument, Construct, Named
from archlab.exchange.export_parts import DetectorPart, Weights, refuse_missing_part, weights_file
from archlab.exchange.python.classes import Class, classes_of
from archlab.exchange.python.expressions import HELPERS

WIDTH = 88
_INDENT = "    "
_JOINS = {
    "Concat": ("The outputs of its branches, concatenated.", "torch.cat([branch(x) for branch in self], 1)"),
    "Sum": ("The sum of its branches.", "torch.stack([branch(x) for branch in self]).sum(0)"),
    "Product": ("The product of its branches.", "functools.reduce(torch.mul, [branch(x) for branch in self])"),
}


def write(space: Space, network: Network, seed: int, part: DetectorPart, weights: Weights | None = None) -> str:
    """Return the Python source of a network, or of a detector's backbone.

    With ``weights`` it ends in a function ``trained``, which loads them from a file beside the source.

    Raises:
        InputError: a neck or box head is asked for.
    """
    refuse_missing_part(network, part)
    if network.detector is not None and part != "backbone":
        raise InputError(
            "Python source that needs torch alone cannot hold a neck and RoI align",
            hint="export the backbone (--part backbone), or the whole to onnx or pt2",
        )
    source = to_source(network.without_detector)
    return source if weights is None else source + _trained(network)


def to_source(network: Network) -> str:
    """Return the Python source of a network, in modules named as the text's blocks."""
    classes = classes_of(network)
    body = "\n\n\n".join(_class(one, last=one is classes[-1], network=network) for one in classes)
    used = [name for name in (*HELPERS, *_JOINS) if re.search(rf"\b{name}\(", body)]
    helpers = [inspect.getsource(HELPERS[name]).strip() if name in HELPERS else _join(name) for name in used]
    code = "\n\n\n".join([*helpers, body])
    total = cost(network)
    size = "x".join(map(str, network.input_shape))
    head = f'"""{network.name}: {total.params:,} parameters, {total.macs:,} MACs at {size}."""\n'
    return f"{head}\n{_imports(code)}\n\n\n{code}\n"


def _trained(network: Network) -> str:
    """Return the function that makes the network with its weights."""
    name, file = classes_of(network.without_detector)[-1].name, weights_file(network.name)
    return f'''

def trained() -> {name}:
    """Return the network with its weights, those in {file} beside this file, in evaluation."""
    from pathlib import Path

    from safetensors.torch import load_file

    network = {name}()
    network.load_state_dict(load_file(Path(__file__).with_name("{file}")))
    return network.eval()
'''


def _imports(code: str) -> str:
    standard = ["import functools"] * ("functools." in code)
    standard += ["from collections import OrderedDict"] * ("OrderedDict(" in code)
    torch = ["import torch"] * bool(re.search(r"\btorch\.", code)) + ["from torch import Tensor, nn"]
    return "\n".join([*standard, *([""] if standard else []), *torch])


def _join(name: str) -> str:
    what, expression = _JOINS[name]
    lines = [f"class {name}(nn.ModuleList):", f'    """{what}"""', ""]
    lines += ["    def forward(self, x: Tensor) -> Tensor:", f"        return {expression}"]
    return "\n".join(lines)


def _class(one: Class, last: bool, network: Network) -> str:
    lines = [f"class {one.name}(nn.Module):"]
    if last:
        lines += [f'{_INDENT}"""The network; it takes images (N, {", ".join(map(str, network.input_shape))})."""', ""]
    parameters = ["self", *(f"{name}: {kind}" for name, kind in one.parameters)]
    signature = f"{_INDENT}def __init__({', '.join(parameters)}) -> None:"
    if len(signature) > WIDTH:
        inner = "".join(f"{_INDENT * 2}{parameter},\n" for parameter in parameters)
        signature = f"{_INDENT}def __init__(\n{inner}{_INDENT}) -> None:"
    lines.append(signature)
    lines += [f"{_INDENT * 2}super().__init__()", *_attributes(one.parts)]
    lines += ["", f"{_INDENT}def forward(self, x: Tensor) -> Tensor:", *_forward(one)]
    return "\n".join(lines)


def _attributes(parts: Iterable[tuple[str, Construct]]) -> Iterator[str]:
    folders: set[str] = set()
    for path, construct in parts:
        *parents, name = path.split(".")
        for i in range(len(parents)):
            folder = ".".join(parents[: i + 1])
            if folder not in folders:
                folders.add(folder)
                yield from _assigned(".".join(parents[:i]), parents[i], Construct("nn.Module"))
        yield from _assigned(".".join(parents), name, construct)


def _assigned(parent: str, name: str, construct: Construct) -> Iterator[str]:
    owner = "self" + "".join(f'.get_submodule("{p}")' if p.isdigit() else f".{p}" for p in parent.split(".") if p)
    if not name.isdigit():
        head = f"{_INDENT * 2}{owner}.{name} = "
        yield head + _render(construct, 2, len(head))
        return
    line = f'{_INDENT * 2}{owner}.add_module("{name}", {_render(construct, 2, 0)})'
    if len(line) > WIDTH or "\n" in line:
        items = f'{_INDENT * 3}"{name}",\n{_INDENT * 3}{_render(construct, 3, 13)},\n'
        line = f"{_INDENT * 2}{owner}.add_module(\n{items}{_INDENT * 2})"
    yield line


def _forward(one: Class) -> list[str]:
    """Return the lines of a forward; a short chain is one nested call."""
    nested = "x"
    for _, expression in one.lines:
        if not expression.endswith("(x)") or "get_submodule" in expression:
            break
        nested = f"{expression[:-2]}{nested})"
    else:
        if len(one.lines) <= 4 and len(nested) < WIDTH - 15:
            return [f"{_INDENT * 2}return {nested}"]
    *before, (_, result) = one.lines
    return [f"{_INDENT * 2}{name} = {expression}" for name, expression in before] + [f"{_INDENT * 2}return {result}"]


def _render(construct: Construct, depth: int, used: int) -> str:
    """Return a constructor on one line where it fits behind ``used`` characters, else a line for each of its items."""
    open_, items, close = _items(construct, depth)
    line = f"{''.join(open_)}{', '.join(items)}{''.join(close)}"
    if used + len(line) + 1 <= WIDTH and "\n" not in line:
        return line
    open_, items, close = _items(construct, depth + len(open_))
    text = "".join(f"{bracket}\n{_INDENT * (depth + i)}" for i, bracket in enumerate(open_, 1))
    last = depth + len(open_)
    text += f"\n{_INDENT * last}".join(f"{item}," for item in items)
    for i, bracket in enumerate(close):
        text += f"\n{_INDENT * (last - 1 - i)}{bracket}{',' if i < len(close) - 1 else ''}"
    return text


def _items(construct: Construct, depth: int) -> tuple[list[str], list[str], list[str]]:
    """Return what stands before, between and behind a constructor's brackets; items begin at ``depth``."""
    if not construct.parts:
        return [f"{construct.callee}("], [_argument(a) for a in construct.arguments if a.value != a.default], [")"]
    names = [name for name, _ in construct.parts]
    parts = [part for _, part in construct.parts]
    if names == [str(i) for i in range(len(names))]:
        items = [_times(part, n, depth, "*(", "_", f"range({n})", ")") for part, n, _ in _runs(parts, names)]
        return (
            ([f"{construct.callee}("], items, [")"])
            if construct.callee == "nn.Sequential"
            else ([f"{construct.callee}(", "["], items, ["]", ")"])
        )
    if not any(name.isdigit() for name in names):
        items = [f"{name}={_render(part, depth, 4 * depth + len(name) + 1)}" for name, part in construct.parts]
        return ["nn.Sequential(", "OrderedDict("], items, [")", ")"]
    items = []
    for part, n, name in _runs(parts, names):
        if n == 1:
            items.append(f'"{name}": {_render(part, depth, 4 * depth + len(name) + 4)}')
        else:
            span = f"range({n})" if name == "0" else f"range({name}, {int(name) + n})"
            items.append(_times(part, n, depth, "**{str(i): ", "i", span, "}"))
    return ["nn.Sequential(", "OrderedDict(", "{"], items, ["}", ")", ")"]


def _times(part: Construct, n: int, depth: int, open_: str, name: str, span: str, close: str) -> str:
    """``part`` once, or n times in a comprehension."""
    if n == 1:
        return _render(part, depth, 4 * depth)
    tail = f"for {name} in {span}"
    line = f"{open_}{_render(part, depth, 0)} {tail}{close}"
    if 4 * depth + len(line) + 1 <= WIDTH and "\n" not in line:
        return line
    bracket, key = open_[: open_.index("{") + 1 if "{" in open_ else len(open_)], open_.partition("{")[2]
    inner = f"\n{_INDENT * (depth + 1)}"
    text = _render(part, depth + 1, 4 * depth + 4 + len(key))
    return f"{bracket}{inner}{key}{text}{inner}{tail}\n{_INDENT * depth}{close}"


def _runs(parts: Sequence[Construct], names: Sequence[str]) -> Iterator[tuple[Construct, int, str]]:
    """Equal parts that follow one another, how many, and the first's name; only numbered parts are counted."""
    i = 0
    while i < len(parts):
        n = 1
        while i + n < len(parts) and parts[i + n] == parts[i] and names[i].isdigit() and names[i + n].isdigit():
            n += 1
        yield parts[i], n, names[i]
        i += n


def _argument(argument: Argument) -> str:
    value = argument.value
    value = value.name if isinstance(value, Named) else f'"{value}"' if isinstance(value, str) else repr(value)
    return value if argument.positional else f"{argument.name}={value}"
