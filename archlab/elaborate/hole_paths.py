"""Names of holes: where each hole and call stands in its body, as a path that does not depend on the draw."""

from __future__ import annotations

from collections.abc import Mapping

from archlab.elaborate.language import Callee
from archlab.grammar import ast

# What the arguments of a form are called in the path of a hole that stands there.
_FORM_ARGUMENTS = {"repeat": ("depth", ""), "each": ("depth", "")}


def paths_in(body: ast.Expr, callees: Mapping[str, Callee], word: str = "block") -> dict[int, str]:
    """For every hole and call in ``body`` its path relative to the body, by the node's ``id``.

    A number in an argument is called by the parameter, a choice of layers ``block``, a repeat count ``depth``;
    a name that would stand twice gets ``_2``.
    """
    paths: dict[int, str] = {}
    fresh = UniqueNames().fresh

    def walk(expr: ast.Expr, prefix: str, word: str) -> None:
        match expr:
            case ast.Choice() | ast.Range():
                paths[id(expr)] = fresh(_under(prefix, word))
                for child in ast.children(expr):
                    walk(child, prefix, word)
            case ast.Call(name=name, args=args, keywords=keywords) if name in callees:
                paths[id(expr)] = path = fresh(_under(prefix, name))
                positional = zip(callees[name].params, args, strict=False)
                for parameter, value in (*positional, *keywords):
                    walk(value, path, parameter)
            case ast.Name(name=name) if name in callees:
                paths[id(expr)] = fresh(_under(prefix, name))
            case ast.Call(name=name, args=args):
                if name == "each":
                    paths[id(expr)] = fresh(_under(prefix, "each"))
                words = _FORM_ARGUMENTS.get(name, (word,) * len(args))
                for argument, value in zip(words, args, strict=False):
                    walk(value, prefix, argument or word)
            case _:
                for child in ast.children(expr):
                    walk(child, prefix, word)

    walk(body, "", word)
    return paths


def _under(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


class UniqueNames:
    """Gives every name once: a second ``conv`` becomes ``conv_2``."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}

    def fresh(self, path: str) -> str:
        """``path``, with a number behind it where it is taken."""
        name, n = path, self._uses.get(path, 0) + 1
        while n > 1 and (name := f"{path}_{n}") in self._uses:  # as a text may itself name a block conv_2
            n += 1
        self._uses[path] = n
        self._uses.setdefault(name, 1)
        return name
