"""Storage addresses as they may be shown: without the password, which is neither printed nor written down."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.\-]*://)(?P<user>[^/?#\s:]*):(?P<password>.*)@(?=[^@]*$)", re.I)
_QUERY = re.compile(r"(?P<key>[?&;\s](?:pass(?:word)?|pwd|sslpassword)=)(?P<password>[^&;\s]*)", re.I)


def shown(text: str) -> str:
    """An address, or any word that holds one, with ``***`` for its passwords.

    >>> shown("postgresql://me:secret@host/archlab"), shown("study.journal")
    ('postgresql://me:***@host/archlab', 'study.journal')
    """
    text = _LOGIN.sub(r"\g<scheme>\g<user>:***@", text)
    return _QUERY.sub(r"\g<key>***", text)


def secrets(address: str) -> list[str]:
    """The passwords in an address, as written and as meant."""
    from urllib.parse import unquote

    found = [match["password"] for pattern in (_LOGIN, _QUERY) for match in pattern.finditer(address)]
    return sorted({word for text in found for word in (text, unquote(text)) if word}, key=len, reverse=True)


def without(text: str, words: Iterable[str]) -> str:
    """``text`` with ``***`` in place of ``words``, for messages of libraries that may quote what they were given."""
    for word in words:
        text = text.replace(word, "***")
    return text
