from __future__ import annotations

import pytest

from archlab.search.storage.redact import SafeAddress, passwords_in, redact


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("--storage=postgresql+psycopg://me:se:c@ret@host/db", "--storage=postgresql+psycopg://me:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&x=1", "postgresql://host/db?user=me&password=***&x=1"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:///study.db", "sqlite:///study.db"),
        ("out/study.journal", "out/study.journal"),
    ],
)
def test_an_address_is_printed_without_its_password(address, hidden):
    assert redact(address) == hidden


def test_what_a_library_quotes_is_hidden_too():
    address = "postgresql://me:a%40b@host/db"
    assert passwords_in(address) == ["a%40b", "a@b"]
    assert SafeAddress(address).hide("FATAL: a@b, given as a%40b") == "FATAL: ***, given as ***"
