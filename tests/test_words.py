"""Pages and docstrings are in plain modern English: words that only old books use are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_names import PAGES, ROOT, SOURCES, docstrings

INSTEAD = {
    "anew": "again",
    "apiece": "each",
    "befall": "happen to",
    "by lot": "randomly",
    "foretell": "predict",
    "foretells": "predicts",
    "foretold": "predicted",
    "hitherto": "so far",
    "lest": "so that not",
    "shall": "must or will",
    "thereof": "of it",
    "thrice": "three times",
    "twain": "two",
    "wherein": "in which",
    "whilst": "while",
}
OLD = re.compile(rf"\b({'|'.join(INSTEAD)})\b", re.IGNORECASE)


def checked(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


def found(text: str) -> list[str]:
    return [f"{word}: say {INSTEAD[word.lower()]}" for word in OLD.findall(text)]


@pytest.mark.parametrize("page", checked(PAGES))
def test_a_page_has_no_old_words(page: Path):
    assert found(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", checked(SOURCES))
def test_docstrings_have_no_old_words(path: Path):
    assert [word for text in docstrings(path) for word in found(text)] == []
