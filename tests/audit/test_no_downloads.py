"""No connection is made while a library builds a model, and any can be afterwards."""

from __future__ import annotations

import socket

import pytest

from archlab.audit.no_downloads import nothing_downloaded


def test_names_and_addresses_are_refused_and_put_back():
    before = socket.getaddrinfo, vars(socket.socket).get("connect")
    with nothing_downloaded():
        with pytest.raises(OSError, match="downloads nothing"):
            socket.create_connection(("localhost", 9))
        with socket.socket() as plain, pytest.raises(OSError, match="downloads nothing"):
            plain.connect(("127.0.0.1", 9))
    assert (socket.getaddrinfo, vars(socket.socket).get("connect")) == before
