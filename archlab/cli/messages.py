"""What a command says on standard error, and texts that hold strangers' words, without what a terminal acts upon."""

from __future__ import annotations

import click

from archlab.errors import printable


def say(message: object) -> None:
    """Print a message to standard error."""
    click.echo(f"archlab: {printable_lines(str(message))}", err=True)


def printable_lines(text: str) -> str:
    """Return ``text`` as ``printable`` does, with its line breaks.

    >>> printable_lines("a\\x1b[2J\\nb")
    'a�[2J\\nb'
    """
    return "\n".join(map(printable, text.split("\n")))


def printable_json(text: str) -> str:
    """Return JSON text with what is not printable as escapes, so that it means the same.

    >>> print(printable_json('{"é": "\\x9b2J"}'))
    {"é": "\\u009b2J"}
    """
    odd = {ord(c): _escape(ord(c)) for c in set(text) if not c.isprintable() and c != "\n"}
    return text.translate(odd)


def _escape(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
