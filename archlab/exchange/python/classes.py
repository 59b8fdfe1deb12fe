"""Modules to classes: those that do the same are one class, whose parameters are what differs between them."""

from __future__ import annotations

import keyword
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from archlab.elaborate import Network
from archlab.exchange.constructors import Argument, Construct, Named, Value
from archlab.exchange.python.expressions import constructor, function
from archlab.exchange.python.structure import Module, Step, entry, steps, takes, tree
from archlab.ir import Graph

_CHANNELS = ("in_channels", "out_channels", "mid_channels", "channels", "in_features", "out_features")
_JOINS = {"cat": "Concat", "add": "Sum", "mul": "Product"}


@dataclass(frozen=True, slots=True)
class Class:
    """A class to write.

    Attributes:
        name: its name.
        parameters: of its constructor, in order: (name, annotation).
        parts: the attributes that it makes: name and constructor, where a parameter's name stands for its value.
        lines: its forward: (output variable, expression); the last is returned.
    """

    name: str
    parameters: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, Construct], ...]
    lines: tuple[tuple[str, str], ...]


def classes_of(network: Network) -> list[Class]:
    """Return the classes of a network, each behind those that it uses; the last is the network itself."""
    root = tree(network)
    builder = _Classes(network.graph)
    builder.build(root, _camel(network.name))
    return builder.written


class _Classes:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.written: list[Class] = []
        self.made: dict[str, Construct] = {}
        self.taken: set[str] = {"nn", "torch", "Tensor", "OrderedDict", *_JOINS.values()}

    def build(self, root: Module, name: str) -> None:
        """Write every class, the innermost first, so that what a class constructs is known."""
        self.taken.add(name)
        for _, modules in sorted(_by_height(root).items()):
            groups: dict[Hashable, list[Module]] = defaultdict(list)
            for module in modules:
                if module is not root and takes(module, self.graph) is None:
                    continue
                lines = steps(module, self.graph)
                parts = tuple((path, self.made[part.path]) for path, part in _parts(lines))
                if module is not root and (simple := self._container(module, lines, parts)):
                    self.made[module.path] = simple
                else:
                    groups[tuple((p, _skeleton(c)) for p, c in parts), self._forward(module, lines)].append(module)
            for members in sorted(groups.values(), key=len, reverse=True):
                self._write(members, name if members[0] is root else self._name(members))

    def _container(
        self, module: Module, lines: Sequence[Step], parts: tuple[tuple[str, Construct], ...]
    ) -> Construct | None:
        """A leaf; a chain that no block of the language names; or branches side by side: none needs a class."""
        if module.node is not None:
            return constructor(module.node)
        source = entry(module, self.graph)
        before = [source, *(line.name for line in lines[:-1])]
        plain = all(line.module is not None and "." not in line.path for line in lines)
        in_turn = all(line.inputs == (value,) for line, value in zip(lines, before, strict=True))
        if plain and in_turn and not module.label:
            return Construct("nn.Sequential", parts=parts)
        *branches, last = lines
        joins = last.node is not None and last.node.op in _JOINS and last.inputs == tuple(b.name for b in branches)
        if joins and all(b.path == str(i) and b.inputs == (source,) for i, b in enumerate(branches)):
            assert last.node is not None
            return Construct(_JOINS[last.node.op], parts=parts)
        return None

    def _forward(self, module: Module, lines: Sequence[Step]) -> tuple[tuple[str, str], ...]:
        """Lines of (variable, expression); a variable is used again once its value is not."""
        uses = Counter(x for line in lines for x in line.inputs)
        names = {entry(module, self.graph): "x"}
        written: list[tuple[str, str]] = []
        for line in lines:
            inputs = [names[x] for x in line.inputs]
            uses.subtract(line.inputs)
            free = [names.pop(x) for x in dict.fromkeys(line.inputs) if uses[x] == 0]
            unused = (name for name in _variables() if name not in names.values())
            names[line.name] = free[0] if free else next(unused)
            if line.module is not None:
                expression = f"{attribute(line.path)}({', '.join(inputs)})"
            else:
                assert line.node is not None
                expression = function(line.node, inputs, self.graph.shape_of(line.inputs[0])[0])
            written.append((names[line.name], expression))
        return tuple(written)

    def _write(self, members: Sequence[Module], name: str) -> None:
        """Write one class for ``members``, and note how each of them is constructed."""
        lines = steps(members[0], self.graph)
        made = [
            [(path, self.made[part.path]) for path, part in _parts(steps(member, self.graph))] for member in members
        ]
        columns = list(zip(*([a.value for _, c in parts for a in _arguments(c)] for parts in made), strict=True))
        slots = [a for _, c in made[0] for a in _arguments(c)]
        names = self._parameters(members, slots, columns)
        values = iter(
            Named(names[column]) if column in names else slot.value for slot, column in zip(slots, columns, strict=True)
        )
        parts = tuple((path, _filled(construct, values)) for path, construct in made[0])
        parameters = tuple((parameter, _kind(column)) for column, parameter in names.items())
        self.written.append(Class(name, parameters, parts, self._forward(members[0], lines)))
        for i, member in enumerate(members):
            arguments = tuple(
                Argument(parameter, column[i], positional=parameter in _CHANNELS) for column, parameter in names.items()
            )
            self.made[member.path] = Construct(name, arguments)

    def _parameters(
        self, members: Sequence[Module], slots: Sequence[Argument], columns: Sequence[tuple[Value, ...]]
    ) -> dict[tuple[Value, ...], str]:
        """Return a name for each argument that differs between the members; arguments that never differ are one."""
        graph = self.graph
        into = tuple(graph.shape_of(entry(m, graph))[0] for m in members)
        out = tuple(graph.shape_of(steps(m, graph)[-1].name)[0] for m in members)
        found: dict[tuple[Value, ...], str] = {}
        for slot, column in zip(slots, columns, strict=True):
            if len(set(column)) == 1 or column in found:
                continue
            wanted = slot.name
            if slot.name in _CHANNELS or slot.name.endswith("_channels"):
                wanted = "in_channels" if column == into else "out_channels" if column == out else "mid_channels"
                wanted = "channels" if into == out == column else wanted
            elif slot.name == "groups" and column in (into, out):
                wanted = "in_channels" if column == into else "out_channels"
            found[column] = _fresh(wanted, set(found.values()))
        order = {name: i for i, name in enumerate(_CHANNELS)}
        return dict(sorted(found.items(), key=lambda item: order.get(item[1], len(order))))

    def _name(self, members: Sequence[Module]) -> str:
        label = Counter(_label(m) for m in members).most_common(1)[0][0]
        name = _camel(label)
        if name in self.taken:
            x, y = (
                self.graph.shape_of(v) for v in (entry(members[0], self.graph), steps(members[0], self.graph)[-1].name)
            )
            name += "Down" if x[1:] > y[1:] else "Projected" if "shortcut" in members[0].children else ""
        name = _fresh(name, self.taken, "_" if name[-1].isdigit() else "")
        self.taken.add(name)
        return name


def _kind(column: Sequence[Value]) -> str:
    """Return the annotation of a parameter that takes these values."""
    if all(isinstance(value, str) for value in column):
        return "str"
    if all(isinstance(value, tuple) and len(value) == 4 for value in column):
        return "tuple[int, int, int, int]"
    if any(isinstance(value, tuple) for value in column):
        return "int | tuple[int, int]"
    if all(isinstance(value, bool) for value in column):
        return "bool"
    return "int" if all(isinstance(value, int) for value in column) else "float"


def attribute(path: str) -> str:
    """Return how a module's ``forward`` reaches the module at ``path`` below it."""
    parts = path.split(".")
    return f"self.{path}" if not any(part.isdigit() for part in parts) else f'self.get_submodule("{path}")'


def _label(module: Module) -> str:
    if module.label:
        return module.label
    words = [part for part in module.path.split(".") if not part.isdigit()]
    return words[-1].strip("_") if words else "block"


def _camel(name: str) -> str:
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return f"{camel}_" if keyword.iskeyword(camel) else camel or "Network"


def _fresh(name: str, taken: set[str], between: str = "_") -> str:
    n = 1
    while (tried := name if n == 1 else f"{name}{between}{n}") in taken:
        n += 1
    return tried


def _variables() -> Iterator[str]:
    yield from "xyzuvw"
    n = 0
    while True:
        yield f"y{(n := n + 1)}"


def _by_height(root: Module) -> dict[int, list[Module]]:
    levels: dict[int, list[Module]] = defaultdict(list)

    def height(module: Module) -> int:
        own = 1 + max(map(height, module.children.values()), default=-1)
        levels[own].append(module)
        return own

    height(root)
    return levels


def _parts(lines: Sequence[Step]) -> list[tuple[str, Module]]:
    return [(line.path, line.module) for line in lines if line.module is not None]


def _arguments(construct: Construct) -> Iterator[Argument]:
    yield from construct.arguments
    for _, part in construct.parts:
        yield from _arguments(part)


def _skeleton(construct: Construct) -> Hashable:
    """Return what a construct is but for its arguments' values."""
    return (
        construct.callee,
        tuple(argument.name for argument in construct.arguments),
        tuple((name, _skeleton(part)) for name, part in construct.parts),
    )


def _filled(construct: Construct, values: Iterator[Value | Named]) -> Construct:
    """``construct`` with other values for its arguments, in order."""
    arguments = tuple(replace(argument, value=next(values)) for argument in construct.arguments)
    parts = tuple((name, _filled(part, values)) for name, part in construct.parts)
    return Construct(construct.callee, arguments, parts)
