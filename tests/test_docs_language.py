"""docs/language.md says what the code does: its examples elaborate and its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlab.elaborate import check_text, elaborate, holes, space, unfold
from archlab.elaborate.hints import signature
from archlab.elaborate.language import FORMS, FUNCTIONS, USAGE, prelude
from archlab.grammar import lexer, parse

PAGE = (Path(__file__).parents[1] / "docs" / "language.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [text for language, text in FENCED if language == ""]


def first_column(title):
    """The code in the first column of the table under a heading."""
    section = re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def written(callee):
    return re.sub(r"^(it is|write) ", "", signature(callee.name, callee.params))


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("(")[0].split("\n")[0])
def test_an_example_is_a_network(text):
    assert elaborate(parse(text)).body.nodes > 0


def test_there_are_examples():
    assert len(EXAMPLES) == 10


def test_the_first_example_is_resnet_50():
    assert elaborate(parse(EXAMPLES[0])).body.params == 25_557_032


def test_the_holes_of_the_example_have_the_names_that_the_page_gives():
    text = next(text for text in EXAMPLES if text.startswith("net holes"))
    listed = next(names for language, names in FENCED if language == "holes")
    assert list(elaborate(parse(text)).draws) == listed.split()


def test_the_tables_of_blocks_and_operators_are_the_codes():
    assert first_column("Blocks") == [written(c) for c in prelude().values() if c.block is not None]
    assert first_column("Operators") == [written(c) for c in prelude().values() if c.block is None]


def test_the_tables_of_forms_and_functions_are_the_codes():
    assert set(USAGE) == {*FORMS, *FUNCTIONS}
    assert first_column("Forms") == [USAGE[name] for name in FORMS]
    assert first_column("Functions") == [USAGE[name] for name in FUNCTIONS]


def test_the_limits_are_the_codes():
    values = [int(n) for n in re.findall(r"\| (\d+) \|$", PAGE.split("# Limits")[1], re.MULTILINE)]
    assert values == [
        lexer.MAX_TEXT,
        space.MAX_NODES,
        lexer.MAX_BRACKETS,
        lexer.MAX_OPERATORS,
        holes.MAX_CALLS,
        unfold.MAX_DEPTH,
        check_text.MAX_OPTIONS,
        space.MAX_HOLES,
        check_text.MAX_PARAMS,
        lexer.MAX_NAME,
        lexer.MAX_QUOTED,
        lexer.MAX_NUMBER,
    ]
