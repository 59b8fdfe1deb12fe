"""Text to syntax tree: lark reads, one small method a rule makes the node."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.visitors import v_args

from archlab.errors import LimitError, Place, SyntaxProblem, quote
from archlab.grammar import ast
from archlab.grammar.lexer import MAX_TEXT, StatementLines, place_of
from archlab.reading import read_text

# How a reader would call a token of the grammar.
_WORDS = {
    "_NL": "end of line",
    "$END": "end of text",
    "NAME": "a name",
    "NUMBER": "a number",
    "PATH": "a hole's path",
    "CHANNELS": "a size such as 3x{96, 128}",
    "SIZE": "a size such as 3x224x224",
    "QUOTED": "a text in quotes",
    "COMPARE": "a comparison",
    "COLON": "':'",
    "EQUAL": "'='",
    "COMMA": "','",
    "LPAR": "'('",
    "RPAR": "')'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "LSQUARE": "'['",
    "RSQB": "']'",
    "ARROW": "'->'",
    "__ANON_0": "'..'",
    "PLUS": "'+'",
    "MINUS": "'-'",
}
# What a reader may have meant by a character that the language does not use.
_CHARACTERS = {
    ".": "write 0.5, not .5 or 5.",
    '"': "names stand without quotes",
    "'": "names stand without quotes",
    ";": "a statement ends with its line",
    "|": "a choice is written {a, b}",
    "^": "the language has + - * / and //",
    "%": "the language has + - * / and //",
    "!": "the language has == and !=",
}
_STARTS_LAYER = {"NAME", "PATH", "NUMBER", "SIZE", "CHANNELS", "QUOTED", "IN", "LPAR", "LBRACE", "LSQUARE", "MINUS"}
_OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR"}


def parse(text: str, source: str = "<text>") -> ast.Architecture:
    """Return the architecture that ``text`` writes down.

    Args:
        text: the architecture, in the language of ``docs/language.md``.
        source: a file's name, for error messages.

    Raises:
        SyntaxProblem: the text is not in the language.
        LimitError: the text is too long, nests too deep or holds too large a number.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    net, *statements = _read(text, source, "start")
    return _architecture(net, statements, source, text)


def parse_blocks(text: str, source: str) -> tuple[ast.Block, ...]:
    """Return the block definitions of a text that has no network, such as the prelude."""
    return tuple(_read(text, source, "prelude"))


def parse_file(path: Path) -> ast.Architecture:
    """Return the architecture in a file.

    Raises:
        InputError: the file cannot be read as UTF-8 text.
        ArchlabError: as ``parse``.
    """
    return parse(read_text(path), path.name)


def _read(text: str, source: str, start: str) -> list[Any]:
    lines = text.split("\n")
    if len(text) > MAX_TEXT:
        raise LimitError(f"{source}: the text is longer than {MAX_TEXT} characters")
    parser = _parser()
    stream = StatementLines(source, lines)
    try:
        interactive: Any = parser.parse_interactive(text, start=start)
        for token in stream.process(interactive.lexer_thread.lex(interactive.parser_state)):
            interactive.feed_token(token)
        end = Token("$END", "", line=len(lines), column=len(lines[-1]) + 1)
        return list(interactive.feed_token(end))
    except UnexpectedInput as error:
        accepted = interactive.accepts() if isinstance(error, UnexpectedToken) else set()
        raise _explain(error, accepted, source, lines) from None


@cache
def _parser() -> Lark:
    grammar = files("archlab.grammar").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=["start", "prelude"],
        transformer=_ToTree(),
        maybe_placeholders=True,
    )


def _explain(error: UnexpectedInput, accepted: set[str], source: str, lines: list[str]) -> SyntaxProblem:
    """Return what lark could not read, in the words of the language."""
    line = max(error.line, 1)
    place = Place(source, line, max(error.column, 1), lines[line - 1] if line <= len(lines) else "")
    if isinstance(error, UnexpectedCharacters):
        return SyntaxProblem(f"the character {error.char!r} means nothing here", place, _CHARACTERS.get(error.char))
    if not isinstance(error, UnexpectedToken):
        return SyntaxProblem("this cannot be read", place)
    token = error.token
    if token.type in ("_NL", "$END"):
        place = place_of(token, source, lines)
    found = _WORDS[token.type] if token.type in ("_NL", "$END") else quote(token)
    return SyntaxProblem(
        f"found {found} where {_expected(accepted)} should stand", place, _hint(token, accepted, place)
    )


def _hint(token: Token, accepted: set[str], place: Place) -> str | None:
    """Return what the writer may have meant by a token that does not fit."""
    if "NAME" in accepted and token.type != "NAME" and token.isalpha():
        return f"{str(token)!r} is a word of the language; choose another name"
    if token.type == "QUOTED":
        return "names stand without quotes"
    if token.type == "EQUAL" and "COMPARE" in accepted:
        return "== compares"
    if token.type == "NAME" and _is_in_size(token, place):
        return "a size with a hole, a name or arithmetic in it is written size(height, width)"
    if token.type == "NAME" and token != "x" and place.text[: place.column - 1][-1:].isdigit():
        return "a number has no exponent and no unit"
    if token == "x":
        return "a size is written without spaces, such as 3x224x224"
    if token.type == "NAME" and "ARROW" in accepted:
        return "layers are joined by ->"
    return "every text begins like  net name(input=3x224x224)" if accepted == {"NET"} else None


def _is_in_size(token: Token, place: Place) -> bool:
    """Return whether a name is what follows a side of a size: the x in ``1x{3, 5}``, ``1xk`` or ``{1, 3}x3``."""
    before, after = place.text[: place.column - 1], place.text[place.column - 1 + len(token) :]
    if not token.startswith("x") or before[-1:] not in "0123456789}])" or not before:
        return False
    return before[-1] in "}])" or len(token) > 1 or after[:1] in tuple("{[(")


def _expected(types: set[str]) -> str:
    words: set[str] = set()
    if types >= _STARTS_LAYER:
        words.add("a layer or a value")
        types = types - _STARTS_LAYER
    if types >= {"PLUS", "MINUS"}:
        words.add("an operator")
        types = types - _OPERATORS - {"LPAR", "IF", "AS"}
    words |= {_WORDS.get(kind, f"'{kind.lower()}'") for kind in types}
    *most, last = sorted(words, key=lambda word: (word.startswith("'"), word))
    return f"{', '.join(most)} or {last}" if most else last


def _architecture(net: ast.Architecture, statements: list[Any], source: str, text: str) -> ast.Architecture:
    return ast.Architecture(
        name=net.name,
        options=net.options,
        stages=tuple(s for s in statements if isinstance(s, ast.Stage)),
        vars=tuple(s for s in statements if isinstance(s, ast.Var)),
        blocks=tuple(s for s in statements if isinstance(s, ast.Block)),
        requires=tuple(s for s in statements if isinstance(s, ast.Require)),
        at=net.at,
        source=source,
        text=text,
        key_at=net.key_at,
    )


def _at(token: Token) -> tuple[int, int]:
    return (token.line or 1, token.column or 1)


_Named = tuple[tuple[Token, ast.Expr], ...]


def _split(named: _Named | None) -> tuple[ast.Options, tuple[ast.At, ...]]:
    """Options or keywords, and beside them where their names stand."""
    named = named or ()
    return tuple((str(name), value) for name, value in named), tuple(_at(name) for name, _ in named)


def _number(token: Token) -> int | float:
    return float(token) if "." in token else int(token)


@v_args(inline=True)
class _ToTree(Transformer[Token, Any]):
    """One method a grammar rule, called while lark parses, so that no tree of lark's is ever made."""

    def start(self, *items: Any) -> list[Any]:
        return list(items)

    prelude = start

    def net(self, name: Token, options: _Named | None) -> ast.Architecture:
        named, key_at = _split(options)
        return ast.Architecture(str(name), (), named, at=_at(name), key_at=key_at)

    def block(self, name: Token, params: tuple[ast.Param, ...] | None, body: ast.Expr) -> ast.Block:
        return ast.Block(str(name), params or (), body, _at(name))

    def var(self, name: Token, value: ast.Expr) -> ast.Var:
        return ast.Var(str(name), value, _at(name))

    def require(self, left: Any, op: Token, right: Any) -> ast.Require:
        return ast.Require(left, str(op), right, _at(op))

    def stage(self, name: Token, options: _Named | None, body: ast.Expr) -> ast.Stage:
        named, key_at = _split(options)
        return ast.Stage(str(name), body, named, _at(name), key_at)

    def options(self, *items: Any) -> tuple[Any, ...]:
        return tuple(item for item in items if item is not None)

    params = args = options

    def option(self, name: Token, value: ast.Expr) -> tuple[Token, ast.Expr]:
        return (name, value)

    keyword = option

    def param(self, name: Token, default: ast.Expr | None) -> ast.Param:
        return ast.Param(str(name), default, _at(name))

    def conditional(self, then: Any, _if: Token, left: Any, op: Token, right: Any, other: Any) -> ast.Conditional:
        return ast.Conditional(then, str(op), left, right, other, _at(_if))

    def sequence(self, *items: Any) -> ast.Sequence:
        return ast.Sequence(tuple(items[::2]), _at(items[1]))

    def named(self, layer: Any, _as: Token, name: Token) -> ast.Named:
        return ast.Named(layer, str(name), _at(name))

    def add(self, left: Any, op: Token, right: Any) -> ast.Binary:
        return ast.Binary(str(op), left, right, _at(op))

    mul = add

    def negate(self, sign: Token, operand: Any) -> ast.Negate:
        return ast.Negate(operand, _at(sign))

    def number(self, token: Token) -> ast.Number:
        return ast.Number(_number(token), _at(token))

    def size(self, token: Token) -> ast.Size:
        return ast.Size(tuple(int(part) for part in token.split("x")), _at(token))

    def sizes(self, channels: Token, brace: Token, *sides: Any) -> ast.Choice:
        options = []
        for side in sides:
            if side is not None:
                dims = side.dims if isinstance(side, ast.Size) else (side.value,) * 2
                whole = all(isinstance(dim, int) for dim in dims)
                options.append(ast.Size((int(channels[:-1]), *dims), side.at) if whole else side)
        return ast.Choice(tuple(options), _at(brace))

    def quoted(self, token: Token) -> ast.Quoted:
        return ast.Quoted(token[1:-1], _at(token))

    def name(self, token: Token) -> ast.Name:
        return ast.Name(str(token), _at(token))

    def call(self, name: Token, args: tuple[Any, ...] | None) -> ast.Call:
        positional = tuple(a for a in args or () if not isinstance(a, tuple))
        keywords, key_at = _split(tuple(a for a in args or () if isinstance(a, tuple)))
        return ast.Call(str(name), positional, keywords, _at(name), key_at)

    def choice(self, brace: Token, *options: Any) -> ast.Choice:
        return ast.Choice(tuple(option for option in options if option is not None), _at(brace))

    def range(self, bracket: Token, lo: Any, hi: Any, step: Any, default: Any) -> ast.Range:
        return ast.Range(lo, hi, step, default, _at(bracket))

    def bound(self, sign: Token | None, number: Token) -> int | float:
        return -_number(number) if sign else _number(number)
