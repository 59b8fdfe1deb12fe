"""Every kind of mistake, with the whole message that its writer gets, beside the neighbour that is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlab import errors
from archlab.elaborate import elaborate
from archlab.errors import ArchlabError
from archlab.grammar import parse

_CASE = re.compile(
    r"^=== (?P<what>[^\n]+)\n--- valid\n(?P<valid>.*?)\n--- broken\n(?P<broken>.*?)\n"
    r"--- (?P<error>\w+)\n(?P<message>.*?)\n$",
    re.MULTILINE | re.DOTALL,
)
TEXT = (Path(__file__).parent / "broken.txt").read_text(encoding="utf-8")
CASES = [match.groupdict() for match in _CASE.finditer(TEXT + "\n")]


def test_every_case_of_the_file_is_read():
    assert len(CASES) == TEXT.count("=== ") >= 140
    assert len({case["what"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_a_broken_text_says_where_and_why(case):
    with pytest.raises(ArchlabError) as caught:
        elaborate(parse(case["broken"], "n.arch"))
    assert str(caught.value) == case["message"]
    assert type(caught.value) is getattr(errors, case["error"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_its_valid_neighbour_is_a_network(case):
    elaborate(parse(case["valid"], "n.arch"))
