"""Passwords of storage addresses: they are neither printed nor written down."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.\-]*://)(?P<user>[^/?#\s:]*):(?P<password>.*)@(?=[^@]*$)", re.I)
_QUERY = re.compile(r"(?P<key>[?&;\s](?:pass(?:word)?|pwd|sslpassword)=)(?P<password>[^&;\s]*)", re.I)


def redact(text: str) -> str:
    """Return an address, or any word that holds one, with ``***`` for its passwords.

    >>> redact("postgresql://me:secret@host/archlab"), redact("study.journal")
    ('postgresql://me:***@host/archlab', 'study.journal')
    """
    text = _LOGIN.sub(r"\g<scheme>\g<user>:***@", text)
    return _QUERY.sub(r"\g<key>***", text)


class SafeAddress:
    """A storage's address without its passwords, and what takes these out of texts that may quote them.

    Attributes:
        where: the address as it may be printed.
        is_server: whether it is of a database server, and not of a file.
    """

    def __init__(self, address: str) -> None:
        self.where = redact(address)
        self.is_server = "://" in address and not address.startswith("sqlite")
        self._passwords = passwords_in(address)

    def hide(self, text: str) -> str:
        """Return ``text`` with ``***`` for the passwords."""
        for password in self._passwords:
            text = text.replace(password, "***")
        return text


def passwords_in(address: str) -> list[str]:
    """Return the passwords in an address, each as it is written and as it is meant, the longest first."""
    from urllib.parse import unquote

    found = [match["password"] for pattern in (_LOGIN, _QUERY) for match in pattern.finditer(address)]
    return sorted({word for text in found for word in (text, unquote(text)) if word}, key=len, reverse=True)
