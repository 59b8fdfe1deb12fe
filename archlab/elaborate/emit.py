"""Fragments to nodes: the operators of a network in running order, each under its path."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from archlab.elaborate.fragment import Fragment, NamedFragment, gives_nothing
from archlab.elaborate.hole_paths import UniqueNames
from archlab.elaborate.lifetimes import SettledFragment
from archlab.ir import INPUT, Applied, Node, Shape, digest_of, hash_of_input, hash_of_operator, text_of


def nodes_of(stages: Sequence[NamedFragment]) -> list[Node]:
    """Return the operators of a network in running order, each under its path."""
    nodes: list[Node] = []
    ends: dict[Hashable, str] = {}
    source = INPUT
    for name, fragment in stages:
        ends[name] = source = _Emit(nodes, name, ends).emit(fragment, name, name, source)
    return nodes


class _Outside(dict[Hashable, str]):
    def __missing__(self, value: Hashable) -> str:
        return f"value {value}"


def hash_of(fragment: Fragment) -> str:
    """Return a hash of what a piece computes of what enters it, and of the named values that it reads."""
    return "nothing" if gives_nothing(fragment) else _Hash(_Outside()).emit(fragment, "", "", INPUT)


def digest_of_stages(stages: Sequence[NamedFragment], input_shape: Shape) -> str:
    """Return the digest of the graph of a network that is no detector, without making it."""
    ends: dict[Hashable, str] = {}
    hashes = _Hash(ends)
    source = hash_of_input(input_shape)
    everything = [source]
    for name, fragment in stages:
        ends[name] = source = hashes.emit(fragment, "", "", source)
    return digest_of([source], everything + hashes.made)


class _Emit:
    """Appends the operators of one stage to ``nodes``; ``ends`` are the nodes that give stages and named values."""

    def __init__(self, nodes: list[Node], stage: str, ends: dict[Hashable, str]) -> None:
        self.nodes = nodes
        self.stage = stage
        self.ends = ends
        self.names = UniqueNames()

    def emit(self, fragment: Fragment, path: str, block: str, source: str) -> str:
        """Append ``fragment`` on the output of ``source``; return the name of its output."""
        if isinstance(fragment.op, Node):
            self.nodes.append(
                replace(fragment.op, inputs=tuple(self.ends.get(name, name) for name in fragment.op.inputs))
            )
            return fragment.op.name
        if fragment.op is not None and not fragment.parts:
            return self._append(fragment.op, path, block, (source,))
        values = fragment.values
        if values is not None and values.taken is not None:
            return self.ends[values.taken]
        aside = fragment.op is not None or (values is not None and values.fan)
        outputs = []
        output = source
        for name, part in fragment.parts:
            child = f"{path}.{name}" if name else path
            output = self.emit(part, child, child if block == self.stage else block, source if aside else output)
            if not gives_nothing(part):
                outputs.append(output)
        if fragment.op is not None:
            return self._append(fragment.op, f"{path}.{fragment.op.op}", block, tuple(outputs))
        if values is not None and values.given is not None:
            self.ends[values.given] = output
        return outputs[0] if aside and outputs else output

    def _append(self, op: Applied, path: str, block: str, inputs: tuple[str, ...]) -> str:
        name = self.names.fresh(path)
        # A block that is one operator has its name, also where that got a number.
        self.nodes.append(Node.of(op, name, inputs, self.stage, name if block == path else block))
        return name


class _Hash(_Emit):
    """Goes the same way with the hash of each operator in the place of its name."""

    def __init__(self, ends: dict[Hashable, str]) -> None:
        super().__init__([], "", ends)
        self.made: list[str] = []
        self.texts: dict[int, str] = {}

    def emit(self, fragment: Fragment, path: str, block: str, source: str) -> str:
        """Return the hash of what ``fragment`` computes of ``source``; of one that is only counted, step by step."""
        if not isinstance(fragment, SettledFragment) or fragment.left is None:
            return super().emit(fragment, path, block, source)
        replay, output = fragment.left
        return replay.follow(
            output,
            source,
            lambda piece, before: self.emit(piece, "", "", before),
            lambda op, inputs: self._append(op, "", "", tuple(inputs)),
        )

    def _append(self, op: Applied, path: str, block: str, inputs: tuple[str, ...]) -> str:  # noqa: ARG002
        if (text := self.texts.get(id(op))) is None:
            text = self.texts[id(op)] = text_of(op)
        self.made.append(hash_of_operator(text, list(inputs)))
        return self.made[-1]
