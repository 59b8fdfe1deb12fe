"""The names of torchvision's and timm's models, read from their source: importing either would import torch."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder

LIBRARIES = ("torchvision", "timm")

_REGISTERED = re.compile(r'^@register_model\b(?:\(\)|\(name="([\w.]+)"\))?$.*?^def (\w+)\(', re.MULTILINE | re.DOTALL)
"""A function that makes a model, below what puts it into the library's list, under its own name or another."""


@cache
def zoo_names(library: str) -> tuple[str, ...]:
    """Return the names of all models of ``torchvision`` or ``timm``, sorted; none where it is not installed.

    They are those that the library's own ``list_models()`` gives.
    """
    return tuple(sorted(name or function for text in _sources(library) for name, function in _REGISTERED.findall(text)))


def _sources(library: str) -> Iterator[str]:
    spec = PathFinder.find_spec(library)
    for package in (spec.submodule_search_locations or ()) if spec is not None else ():
        for folder, _, names in os.walk(os.path.join(package, "models")):
            for name in names:
                if name.endswith(".py"):
                    with (
                        contextlib.suppress(OSError),
                        open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file,
                    ):
                        yield file.read()
