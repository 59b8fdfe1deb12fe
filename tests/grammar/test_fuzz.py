"""Any text at all is a network or an ArchlabError, soon."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from archlab.elaborate import elaborate
from archlab.errors import ArchlabError
from archlab.grammar import parse
from archlab.resources import shipped_spaces
from tests.steps import ends_soon

TEXTS = [path.read_text(encoding="utf-8") for path in shipped_spaces().values()]
TOKENS = re.compile(r"#[^\n]*|\w+|->|\.\.|//|[<>=!]=|\s+|.")
VOCABULARY = """
( ) { } [ ] , : = + - * / // -> .. == < if else in step default net block var
conv fc relu gap residual split cat add mul repeat each identity none same c k s max size flatten
0 1 2 8 64 0.5 2147483647 1x3 3x8x8 99999999999 t
"""
WORDS = [*VOCABULARY.split(), "\n"]
STARTS = ["", "net n(input=3x8x8)\ns: ", "net n\nblock b(c) = "]


def network_or_error(text):
    """Elaborates ``text``; any exception but an ArchlabError that can be printed fails the test."""
    message = ""
    with ends_soon():
        try:
            elaborate(parse(text))
        except ArchlabError as error:
            message = str(error)
    assert message.encode().decode() == message  # as a terminal will


@settings(max_examples=300)
@given(st.text(max_size=200))
@example("\x00")
@example("\udc80")
@example("net n\r\r\n\x0b\x0c\u2028s: relu")
def test_any_text(text):
    network_or_error(text)
    network_or_error("net n(input=3x8x8)\ns: " + text)


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(WORDS), max_size=40),
    st.sampled_from(["", "net n(input=3x8x8)\ns: ", "net n\nblock b(c) = "]),
)
def test_any_words_of_the_language(words, start):
    network_or_error(start + " ".join(words))


@settings(max_examples=400)
@given(st.sampled_from(TEXTS), st.data())
def test_any_shipped_text_with_tokens_lost_doubled_or_swapped(text, data):
    tokens = TOKENS.findall(text)
    for _ in range(data.draw(st.integers(1, 3))):
        i, j = (data.draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["lose", "double", "swap", "replace"])):
            case "lose":
                tokens[i] = ""
            case "double":
                tokens[i] *= 2
            case "swap":
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case "replace":
                tokens[i] = data.draw(st.sampled_from(WORDS))
    network_or_error("".join(tokens))
