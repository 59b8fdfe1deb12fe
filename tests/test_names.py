"""Names, paths and links in docs and docstrings lead somewhere, and the docs send nobody to what is internal."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import archlab

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "reports/*.md", "benchmarks/*.md", "examples/*/*.md", "archlab/**/*.md")
    for path in ROOT.glob(pattern)
)
FOR_USERS = [page for page in PAGES if page.name == "README.md" or page.parent.name == "docs"]
FOR_CONTRIBUTORS = ("architecture.md",)
SOURCES = sorted(path for folder in ("archlab", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py"))

# Neither schemas such as archlab.audit/1 nor tables of pyproject.toml such as tool.archlab.audit.
NAME = re.compile(r"(?<![\w./])archlab(?:\.[A-Za-z_]\w*)+(?!\w|/\d)")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
FOLDER_PATH = re.compile(r"`((?:archlab|tests|benchmarks|examples|docs|search_spaces|reports)/[\w./-]*)`")


def docstrings(path: Path) -> Iterator[str]:
    """Yield each string that stands as a statement: docstrings, and what is said below a value."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def resolve(name: str) -> object:
    """Import the longest module in a dotted name, and return the attribute that the rest names."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


def is_public(name: str) -> bool:
    _, first, *rest = name.split(".")
    packages = ("detect", "roi", "score", "train")
    package = getattr(archlab, first, None)
    return first.startswith("__") or (
        first in archlab.__all__ and (not rest or first not in packages or rest[0] in package.__all__)
    )


def test_each_dotted_name_in_a_docstring_resolves():
    found = {(name, path) for path in SOURCES for text in docstrings(path) for name in NAME.findall(text)}
    assert len(found) > 20
    missing = []
    for name, path in sorted(found):
        try:
            resolve(name)
        except AttributeError:
            missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_name_path_and_link_on_a_page_leads_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    for name in NAME.findall(text):
        resolve(name)
    for path in FOLDER_PATH.findall(text):
        assert (ROOT / path).exists(), path
    for link in LINK.findall(text):
        target, _, heading = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}, link


@pytest.mark.parametrize("page", FOR_USERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_for_users_names_what_is_public(page: Path):
    if page.name not in FOR_CONTRIBUTORS:
        assert [n for n in NAME.findall(page.read_text(encoding="utf-8")) if not is_public(n)] == []
