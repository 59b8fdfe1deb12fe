from __future__ import annotations

import doctest

import pytest

from archlab import errors, units
from archlab.errors import ArchlabError, InputError, Place


@pytest.mark.parametrize("module", [units, errors])
def test_the_docstrings_examples_hold(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("600M", 600_000_000), ("3.4M", 3_400_000), ("12", 12), (" 5 k ", 5_000), ("1.5G", 1_500_000_000)],
)
def test_counts_are_read_with_their_prefix(text, value):
    assert units.parse_count(text) == value


@pytest.mark.parametrize("text", ["", "M", "-3M", "3 MB", "1e9", "nan", "inf", "9" * 40, "3m"])
def test_a_count_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(InputError, match="600M"):
        units.parse_count(text)


def test_a_time_needs_its_unit():
    with pytest.raises(InputError, match="25ms"):
        units.parse_seconds("25")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.000 k"), (999_950, "1.000 M"), (568_740_352, "568.7 M")],
)
def test_counts_print_in_four_figures(value, text):
    assert units.format_count(value) == text


def test_an_error_points_at_its_column_even_behind_a_tab():
    error = ArchlabError("bad", Place("a.arch", 3, 3, "\tx y"), hint="mend it")
    assert str(error) == "a.arch:3:3: bad\n  \tx y\n  \t ^\n  hint: mend it"
    assert error.one_line == "a.arch:3:3: bad (mend it)"
