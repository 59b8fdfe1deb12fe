from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.search.keep_rule import parse_keep


@pytest.mark.parametrize(
    ("text", "of", "kept"),
    [("25%", 60, 15), ("25%", 61, 16), ("0.5%", 10, 1), ("100%", 7, 7), ("7%", 100, 7), ("8", 60, 8), ("8", 5, 5),
     (" 33.3 % ", 3, 1), ("25%", 0, 0)],
)  # fmt: skip
def test_a_share_is_rounded_up_and_a_count_is_at_most_all(text, of, kept):
    assert parse_keep(text).kept_of(of) == kept


@pytest.mark.parametrize("text", ["25%", "8", "12.5%"])
def test_it_is_written_as_it_is_read(text):
    assert str(parse_keep(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [("0%", "keeps nothing"), ("0", "keeps nothing"), ("101%", "more than all"),
     ("half", "neither a share nor a count"),
     ("2.5", "neither"), ("-3", "neither"), ("", "neither"), ("nan%", "neither"), ("1e3", "neither")],
)  # fmt: skip
def test_what_keeps_nothing_or_is_no_share_is_refused(text, message):
    with pytest.raises(InputError, match=message) as refused:
        parse_keep(text)
    assert refused.value.hint == "write a share such as 25%, or a count such as 8"
