"""The one loader of a user's code, for audits, objectives and workers: a file or a module, and what it defines.

A file's modules get names of their own, below this module's: ``/a/train.py`` is ``archlab.user_code.%2Fa.train``, and
what lies beside it is ``archlab.user_code.%2Fa.helpers``. So no file takes the name of another one or of a module of
Python's, and what a file defines can be pickled: its name tells a process that has just begun where the file is.

``import helpers`` in such a file means the file beside it, whatever else has that name, while the file is loaded and
later. Only the names of Python's own modules keep their meaning. A file in a package is loaded as a part of it.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import types
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent
from urllib.parse import unquote_to_bytes

from archlab.errors import ArchlabError, InputError, did_you_mean, quote
from archlab.user_effects import refused_exits
from archlab.user_place import frames_of, place_of
from archlab.user_prints import prints_on_stderr

__path__: list[str] = []  # so that modules can be below this one; the finder at the end says where they are

_FOLDER = "__archlab_folder__"
"""The attribute of a user's module that has the working folder that it went to as it was loaded."""

_TREE = re.compile(rf"{re.escape(__name__)}\.[^.\s'\"]+\.")


def load(source: str, attribute: str) -> Any:
    """Return what ``attribute``, such as ``accuracy`` or ``Class.method``, is in a file or module.

    Args:
        source: a ``.py`` file, or a module's dotted name, which is looked for in the current folder first.

    Raises:
        InputError: there is no such file, module or attribute, or its code ends in an exception or leaves Python; the
            message names the file and the line.
    """
    found: Any = load_module(source)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"{quote(source)} has no {part!r}", hint=did_you_mean(part, _public(found)))
        found = getattr(found, part)
    return found


def _public(found: object) -> list[str]:
    return [name for name in dir(found) if not name.startswith("_")]


def load_module(source: str) -> types.ModuleType:
    """Return the module of a ``.py`` file or of a dotted name; a file that was edited since is loaded again.

    Raises:
        InputError: as ``load``.
    """
    if not source.endswith(".py"):
        if "" not in sys.path:
            sys.path.insert(0, "")  # a package in the current folder, as `python -m` finds it
        return _import(source, source)
    path = Path(source)
    if not os.path.isfile(path):
        hint = None if path.is_absolute() else f"it is looked for in {Path.cwd()}"
        raise InputError(f"no such file: {source}", hint=hint)
    importlib.invalidate_caches()
    return _import(_name(path.resolve()), source)


def folder_after_loading(source: str) -> Path | None:
    """Return the working folder that a loaded file or module went to as it was loaded; None where it stayed."""
    folder: Path | None = getattr(load_module(source), _FOLDER, None)
    return folder


def _import(name: str, source: str) -> types.ModuleType:
    """Import a module; whatever its code does, the user sees one message."""
    exits: list[str] = []
    try:
        before = os.path.abspath("")
        # What it prints is no result of ours.
        with prints_on_stderr(), refused_exits() as exits:
            module = importlib.import_module(name)
        if exits:
            raise SystemExit(0)
        after = os.path.abspath("")
        if after != before:
            setattr(module, _FOLDER, Path(after))
        return module
    except (ArchlabError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # a file is anybody's code: it may even exit
        if isinstance(error, ModuleNotFoundError) and error.name and f"{source}.".startswith(f"{error.name}."):
            raise InputError(f"there is no module {quote(source)}", hint="is its package installed?") from None
        if isinstance(error, ValueError | TypeError) and not frames_of(error):
            raise InputError(f"{quote(source)} is no module's name") from None
        words = " ".join(_TREE.sub("", error.msg if isinstance(error, SyntaxError) else str(error)).split())[:300]
        ended = f"{type(error).__name__}" + (f": {words}" if words else "")
        reason = f"it calls {exits[0]}" if exits else ended
        raise InputError(f"{source} cannot be loaded: {reason}", place=place_of(error)) from error


# --- names -------------------------------------------------------------------------------------------------------


def _name(path: Path) -> str:
    """Return the name of a file's module, and forget what was loaded from files that have changed since."""
    folder, parts = path.parent, [] if path.stem == "__init__" else [path.stem]
    while os.path.isfile(folder / "__init__.py"):
        folder, parts = folder.parent, [folder.name, *parts]
    if len(parts) > 1 and _is_importable(parts[0], folder / parts[0] / "__init__.py"):
        return ".".join(parts)
    root = f"{__name__}.{_word(str(folder))}"
    loaded = {name: module for name, module in sys.modules.items() if name.startswith(f"{root}.")}
    if any(_has_changed(module) for module in loaded.values()):
        for name in loaded:
            del sys.modules[name]
        sys.modules.pop(root, None)
    return ".".join([root, *map(_word, parts)])


def _word(text: str) -> str:
    """Return a part of a path as one part of a dotted name.

    >>> _word("/home/me/nets.v2")
    '%2Fhome%2Fme%2Fnets%2Ev2'
    """
    return percent(os.fsencode(text), safe="").replace(".", "%2E")


def _path(word: str) -> str:
    """Return the part of a path that a part of a name stands for."""
    return os.fsdecode(unquote_to_bytes(word))


def _has_changed(module: types.ModuleType) -> bool:
    loader = getattr(module, "__loader__", None)
    if not isinstance(loader, _Loader):
        return False
    try:
        return loader.get_data(loader.path) != loader.loaded
    except OSError:
        return True


def _is_importable(head: str, file: Path) -> bool:
    """Whether ``import head`` gives ``file`` without our help: a package on Python's path, or what is imported already.

    Then it is shared with whoever else imports it.
    """
    if head in sys.modules:
        found = getattr(sys.modules[head], "__file__", None)
    else:
        spec = _find_elsewhere(head) if file.name == "__init__.py" else None
        found = spec and spec.origin
    return found is not None and os.path.realpath(found) == os.path.realpath(file)


def _find_elsewhere(head: str) -> ModuleSpec | None:
    """Return what ``import head`` would find without this file."""
    if head in sys.modules:
        return sys.modules[head].__spec__
    others = [finder for finder in sys.meta_path if not isinstance(finder, _Finder | _Beside)]
    specs = (finder.find_spec(head, None) for finder in others)
    return next((spec for spec in specs if spec is not None), None)


# --- finding and loading -----------------------------------------------------------------------------------------


class _Finder(MetaPathFinder):
    """Finds the modules below this one: a folder first, then what is in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{__name__}."):
            return None
        parent, _, word = fullname.rpartition(".")
        if parent == __name__:
            folder = ModuleSpec(fullname, None, is_package=True)
            folder.submodule_search_locations = [_path(word)]
            return folder
        if "%" in word:  # a name that no import statement can spell
            [location] = path or [""]
            base = Path(location, _path(word))
            file = base / "__init__.py" if os.path.isdir(base) else base.with_name(f"{base.name}.py")
            found = spec_from_file_location(fullname, file) if os.path.isfile(file) else None
        else:
            found = PathFinder.find_spec(fullname, path)
        if found is not None and type(found.loader) is SourceFileLoader:
            found.loader = _Loader(fullname, found.loader.path)
        return found


class _Beside(MetaPathFinder):
    """Finds by its plain name what nothing else does: a module beside a loaded file that is imported by a string."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            return None
        trees = [name.removeprefix(f"{__name__}.") for name in list(sys.modules) if name.startswith(f"{__name__}.")]
        return PathFinder.find_spec(fullname, [_path(tree) for tree in trees if "." not in tree])


class _Loader(SourceFileLoader):
    """Loads a user's file, in which the names of the files beside it mean these files.

    Attributes:
        loaded: the text that was loaded.
    """

    loaded = b""

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the file's code. It is not Python's cached one, and is not cached: it is of this place alone."""
        self.loaded = self.get_data(self.path)
        try:
            parsed = ast.parse(self.loaded, self.path)
        except (SyntaxError, ValueError) as error:
            if isinstance(error, SyntaxError) and error.filename:
                raise
            raise SyntaxError(str(error), (self.path, 1, 1, "")) from None  # bytes that are no text have no line
        tree = _Imports(fullname, Path(self.path)).visit(parsed)
        code: types.CodeType = compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)
        return code


class _Imports(ast.NodeTransformer):
    """Rewrites each import of what lies beside a file, or beside its package, to the name that this has here."""

    def __init__(self, fullname: str, file: Path) -> None:
        _, _, tree, *_ = fullname.split(".")
        root = f"{__name__}.{tree}"
        package = fullname if file.name == "__init__.py" else fullname.rpartition(".")[0]
        # Where a package has a name and its folder too, the package's place comes first, as in Python.
        self._places = {root: Path(_path(tree)), package: file.parent}

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [ast.copy_location(statement, node) for alias in node.names for statement in self._one(alias)]

    def _one(self, alias: ast.alias) -> Iterator[ast.stmt]:
        head, *rest = alias.name.split(".")
        package = self._package_with(head)
        if package is None:
            yield ast.Import([alias])
            return
        if rest:
            *before, last = [head, *rest]
            yield ast.ImportFrom(".".join([package, *before]), [ast.alias(last, alias.asname or head)], 0)
        if alias.asname is None or not rest:
            # `import a.b` loads a.b, and binds a.
            yield ast.ImportFrom(package, [ast.alias(head, alias.asname or head)], 0)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module is not None:
            package = self._package_with(node.module.partition(".")[0])
            if package is not None:
                return ast.copy_location(ast.ImportFrom(f"{package}.{node.module}", node.names, 0), node)
        return node

    def _package_with(self, head: str) -> str | None:
        """Return the package whose module ``head`` is; None where the name means what it means elsewhere."""
        if head in sys.stdlib_module_names or head == "archlab":
            return None
        for package, folder in self._places.items():
            found = PathFinder.find_spec(head, [str(folder)])
            if found is None:
                continue
            if found.origin is None:  # a folder without __init__.py, which comes after all else, as in Python
                other = _find_elsewhere(head)
                if other is None or other.origin is None:
                    return package
            elif not _is_importable(head, Path(found.origin)):
                return package
        return None


sys.meta_path.insert(0, _Finder())
sys.meta_path.append(_Beside())
