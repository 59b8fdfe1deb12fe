"""The code that judges: which files decide the value of an objective, and what they hold.

They are found from what the text of each file imports, and not by running it: the same files are found before an
evaluation and after it, also those that are imported only when a function is called.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from archlab import user_code
from archlab.errors import printable
from archlab.search.objective import Goal
from archlab.search.own_code import OwnFunction

Code = dict[str, str]
"""A hash of each file of an objective's code, by its place relative to the folder that it is imported from."""


def code_of(goal: Goal | OwnFunction) -> Code:
    """Return the code that a user's objective, metric or filter consists of; nothing for an objective of archlab's.

    It is the file that is named and the modules beside it that it imports, at the top or later, and theirs; of a module
    in a package, that package's; the file of a calibration; and of a function of this process what it
    was compiled to.
    """
    if isinstance(goal, Goal) and goal.kind != "user":
        return {} if goal.own is None else code_of(goal.own)
    if goal.name.endswith(".json"):
        return {Path(goal.name).name: _hash(Path(goal.name).read_bytes())}
    if ":" not in goal.name:
        return _of_function(goal.name, goal.function)
    module = user_code.load_module(goal.name.rpartition(":")[0])
    if not module.__file__ or not module.__file__.endswith(".py"):
        return {}
    return code_in(Path(module.__file__).resolve())


def code_in(file: Path) -> Code:
    """Return the code of ``file``: it and what it imports of the files beside it, or of its package."""
    root, package = _root(file)
    installed = {"site-packages", "dist-packages"} & set(root.parts)
    found: Code = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found:
            continue
        text = path.read_bytes()
        found[name] = _hash(text)
        for words in _imports(text, path.relative_to(root)):
            # What is beside an installed package is other packages, whose versions are the environment's business.
            beside = not package and not installed and words[0] not in sys.stdlib_module_names
            if beside or words[0] == package:
                waiting += _files(root, words)
    return dict(sorted(found.items()))


def difference(theirs: Code, ours: Code) -> str:
    """Return how two codes differ, file by file, in words.

    >>> difference({"train.py": "1", "old.py": "2"}, {"train.py": "3", "new.py": "4"})
    'new.py is new, old.py is gone, train.py was changed'
    """
    words = []
    for name in sorted({*theirs, *ours}):
        if theirs.get(name) != ours.get(name):
            end = "is new" if name not in theirs else "is gone" if name not in ours else "was changed"
            words.append(f"{printable(name)} {end}")
    return ", ".join(words)


def files_line(goal: Goal | OwnFunction) -> str:
    """Return the files that a user's code is in, with the beginnings of their hashes, in one line."""
    return ", ".join(f"{printable(name)} (sha256 {digest[:12]}…)" for name, digest in code_of(goal).items())


def _root(file: Path) -> tuple[Path, str]:
    """Return the folder that a file's imports begin in, and the name of its package; "" where it is in none."""
    folder, package = file.parent, ""
    while (folder / "__init__.py").is_file():
        folder, package = folder.parent, folder.name
    return folder, package


def _imports(text: bytes, place: Path) -> Iterator[tuple[str, ...]]:
    """Yield every module that a file's text imports, as the parts of its name, relative imports resolved."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # of a file that is imported only where it is needed
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = place.parts[: max(0, len(place.parts) - node.level)] if node.level else ()
            base = (*above, *(node.module or "").split(".")) if node.module else above
            # What is imported from a package may be a module of it.
            yield from ((*base, alias.name) for alias in node.names)
            if base:
                yield base


def _files(root: Path, words: Iterable[str]) -> list[Path]:
    """Return the files below ``root`` that an import runs: of the module and of each package around it."""
    files, folder = [], str(root)
    for word in words:
        found = PathFinder.find_spec(word, [folder])
        if found is None:
            break
        if found.origin and found.origin.endswith(".py"):
            files.append(Path(found.origin).resolve())
        if not found.submodule_search_locations:
            break
        folder = next(iter(found.submodule_search_locations))
    return [path for path in files if path.is_relative_to(root)]


def _of_function(name: str, function: object) -> Code:
    """Return what a function of this process does, whatever file and line it stands in; nothing where it is no Python.

    It is compiled code, since the text of a lambda is all of the statement around it.
    """
    called: Any = function
    while isinstance(called, functools.partial):
        called = called.func
    called = inspect.unwrap(called if inspect.isroutine(called) else type(called).__call__)
    code = getattr(getattr(called, "__func__", called), "__code__", None)
    return {name: _hash(repr(_plain(code)).encode())} if code is not None else {}


def _plain(value: object) -> object:
    """Return compiled code as constants whose ``repr`` is the same in every process."""
    if isinstance(value, types.CodeType):
        return value.co_code, _plain(value.co_consts), value.co_names, value.co_varnames, value.co_freevars
    if isinstance(value, tuple | frozenset):
        items = [repr(_plain(item)) for item in value]
        return sorted(items) if isinstance(value, frozenset) else items
    return value


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
