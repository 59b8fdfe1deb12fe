"""Where the files that ship with archlab are: inside the wheel, or beside the package in a clone."""

from __future__ import annotations

import os
from pathlib import Path

from archlab.errors import InputError, did_you_mean, quote

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the shipped folder ``name`` (``search_spaces`` or ``reports``).

    Raises:
        InputError: the installation lacks it.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        if os.path.isdir(parent / name):
            return parent / name
    raise InputError(f"this installation of archlab lacks its folder {name}/", hint="install archlab again")


def shipped_spaces() -> dict[str, Path]:
    """Return every shipped network and space by name, in alphabetical order."""
    return {path.stem: path for path in sorted(folder("search_spaces").glob("*.arch"))}


def find_architecture(name: str) -> Path:
    """Return the file of a shipped name, or the file itself where ``name`` is a path.

    Raises:
        InputError: neither a shipped name nor a file.
    """
    shipped = shipped_spaces()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if os.path.lexists(path):
        return path  # a folder or a pipe, too: who reads it says what it is
    what = "no such file" if path.suffix or len(path.parts) > 1 else "neither a shipped network nor a file"
    raise InputError(f"{quote(name)}: {what}", hint=did_you_mean(name, shipped) or "`archlab spaces` lists them")
