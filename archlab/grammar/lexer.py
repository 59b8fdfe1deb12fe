"""What the grammar file cannot say of tokens: which line breaks end a statement, and how deep a text may nest."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from archlab.errors import LimitError, Place, SyntaxProblem

MAX_TEXT = 100_000
MAX_BRACKETS = 30
MAX_OPERATORS = 60
MAX_NUMBER = 2**31 - 1
MAX_NAME = 64
MAX_QUOTED = 250
MAX_DIGITS = 400
MAX_DIMS = 8

_SPLIT = "write a part of it as a block or var"
_OPEN = {"(": ")", "{": "}", "[": "]"}
_OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "IF"}


def place_of(token: Token, source: str, lines: list[str]) -> Place:
    """Return where ``token`` stands; the end of the text stands behind its last character."""
    line = token.line or 1
    return Place(source, line, token.column or 1, lines[line - 1] if line <= len(lines) else "")


class StatementLines:
    """Keeps the line breaks that end a statement and drops the rest (a lark ``postlex``).

    A break does not count inside brackets, next to an arrow, or beside another break.
    Brackets are matched here, so that the message can name the one that is left open.
    """

    always_accept = ("_NL",)

    def __init__(self, source: str, lines: list[str]) -> None:
        self.source = source
        self.lines = lines

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Return the tokens of ``stream`` without the breaks that end nothing.

        Raises:
            SyntaxProblem: brackets do not match.
            LimitError: nesting, a statement's arithmetic, or a number goes beyond its limit.
        """
        open_brackets: list[Token] = []
        pending: Token | None = None
        previous = "_NL"
        operators = 0
        for token in stream:
            if token.type == "_NL":
                pending = pending or token
                continue
            if pending is not None:
                if not open_brackets and previous not in ("_NL", "ARROW") and token.type != "ARROW":
                    yield pending
                    operators = 0
                pending = None
            self._match(token, open_brackets)
            operators += token.type in _OPERATORS
            if operators > MAX_OPERATORS:
                raise LimitError(f"more than {MAX_OPERATORS} operators in one statement", self._place(token), _SPLIT)
            self._bound(token)
            yield token
            previous = token.type
        if open_brackets:
            last = open_brackets[-1]
            raise SyntaxProblem(f"{str(last)!r} is never closed", self._place(last), f"add {_OPEN[last]!r}")

    def _match(self, token: Token, open_brackets: list[Token]) -> None:
        if token in _OPEN:
            open_brackets.append(token)
            if len(open_brackets) > MAX_BRACKETS:
                raise LimitError(f"brackets nest deeper than {MAX_BRACKETS}", self._place(token), _SPLIT)
        elif token in _OPEN.values():
            if not open_brackets:
                raise SyntaxProblem(f"{str(token)!r} closes nothing", self._place(token), f"remove {str(token)!r}")
            expected = _OPEN[open_brackets.pop()]
            if token != expected:
                raise SyntaxProblem(f"{str(token)!r} where {expected!r} should close", self._place(token))

    def _bound(self, token: Token) -> None:
        if token.type == "QUOTED" and len(token) > MAX_QUOTED:
            raise LimitError(f"a text in quotes is longer than {MAX_QUOTED} characters", self._place(token))
        if token.type in ("NAME", "PATH") and any(len(part) > MAX_NAME for part in token.split(".")):
            raise LimitError(f"a name is longer than {MAX_NAME} characters", self._place(token))
        if token.type not in ("NUMBER", "SIZE", "CHANNELS"):
            return
        parts = token.removesuffix("x").split("x")
        if len(parts) > MAX_DIMS:
            raise LimitError(f"a size has {len(parts)} dimensions, more than {MAX_DIMS}", self._place(token))
        # Python refuses to read thousands of digits, so their count comes first.
        if any(len(part) > MAX_DIGITS for part in parts):
            raise LimitError(f"a number has more than {MAX_DIGITS} digits", self._place(token))
        if any(float(part) > MAX_NUMBER for part in parts):
            raise LimitError(f"a number is larger than {MAX_NUMBER}", self._place(token))

    def _place(self, token: Token) -> Place:
        return place_of(token, self.source, self.lines)
