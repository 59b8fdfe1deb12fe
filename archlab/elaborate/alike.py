"""Options of a choice that give the same layer, such as ``{none, identity}`` or ``{conv(8), conv(8, 3)}``.

A search would draw the same network under two names. Layers are compared where they stand, on what enters them there in
the default draw and in some random ones; an option with holes of its own is left out.
"""

from __future__ import annotations

import contextlib
import random
from itertools import combinations

from archlab.elaborate.draw import Draw, Random, defaults
from archlab.elaborate.emit import hash_of
from archlab.elaborate.fragment import Fragment, Nothing
from archlab.elaborate.interpreter import Interpreter
from archlab.elaborate.scope import Scope
from archlab.elaborate.space import Space
from archlab.elaborate.unfold import Unfolder
from archlab.errors import ArchlabError, quote
from archlab.grammar import ast, unparse_expr
from archlab.ir import Shape

_DRAWS = 8
_WORDS = {"none", "identity"}


def alike_options(space: Space) -> tuple[str, ...]:
    """Return a sentence for each two options that give the same network, with the place of the second."""
    found: dict[int, str] = {}
    bodies = [stage.body for stage in space.architecture.stages] + [block.body for block in space.architecture.blocks]
    bodies += [var.value for var in space.architecture.vars]
    if not any(isinstance(expr, ast.Choice) for body in bodies for expr in _all(body)):
        return ()
    for expr in (expr for body in bodies for expr in _all(body) if isinstance(expr, ast.Choice)):
        words = [option for option in expr.options if isinstance(option, ast.Name) and option.name in _WORDS]
        if len(words) == 2:
            found[id(expr)] = _sentence(space, expr, words[0], words[1])

    class Comparing(Unfolder):
        """Compares the options of each choice the first time that it is met."""

        def chosen(self, expr: ast.Choice, scope: Scope, x: Shape) -> Fragment:
            if id(expr) not in met and type(x) is not Nothing:
                met.add(id(expr))
                self._compare(expr, scope, x)
            return super().chosen(expr, scope, x)

        def _compare(self, expr: ast.Choice, scope: Scope, x: Shape) -> None:
            hashes: list[tuple[ast.Expr, str]] = []
            for option in expr.options:
                if id(option) not in space.open_exprs:
                    with contextlib.suppress(ArchlabError):  # not on this input
                        hashes.append((option, hash_of(self.framed(option, scope, x))))
            for (one, first), (other, second) in combinations(hashes, 2):
                if first == second:
                    found.setdefault(id(expr), _sentence(space, expr, one, other))

    met: set[int] = set()
    interpreter = Interpreter(space, Comparing)
    rng = random.Random(0)
    draws: list[Draw] = [defaults, *(Random(rng) for _ in range(_DRAWS))]
    for draw in draws:
        with contextlib.suppress(ArchlabError):
            interpreter.network(draw)
    return tuple(found.values())


def _all(expr: ast.Expr) -> list[ast.Expr]:
    return [expr, *(inner for child in ast.children(expr) for inner in _all(child))]


def _sentence(space: Space, expr: ast.Choice, one: ast.Expr, other: ast.Expr) -> str:
    place = space.place(other.at or expr.at)
    names = {unparse_expr(one), unparse_expr(other)}
    hint = "; zero is the layer that contributes nothing" if names == _WORDS else ""
    texts = f"{quote(unparse_expr(one))} and {quote(unparse_expr(other))}"
    return f"{place or space.name}: the options {texts} give the same network: remove one{hint}"
