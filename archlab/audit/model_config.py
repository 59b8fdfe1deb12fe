"""Configurations of models as their libraries save them: a ``config.json``, or the folder that has one."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from archlab.audit.no_downloads import nothing_downloaded
from archlab.errors import InputError, did_you_mean, quote
from archlab.reading import read_json
from archlab.user_prints import prints_on_stderr

MAX_CONFIG_BYTES = 2**24
_ELSEWHERE = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation")
"""What names a kernel, which may lie on another machine; the arithmetic is the same with every one of them."""


def read_config_of(source: str, library: str) -> dict[str, Any]:
    """Read the configuration at ``source`` for ``library``, without what would run or fetch code.

    Raises:
        InputError: there is none, it cannot be read, or its model needs code that is not in the library.
    """
    path = Path(source)
    if os.path.isdir(path):
        if not os.path.isfile(path / "config.json") and os.path.isfile(path / "model_index.json"):
            raise InputError(
                f"{quote(source)} is a pipeline of several models",
                hint="name the folder of one, such as its unet, transformer or vae",
            )
        path = path / "config.json"
    if not os.path.isfile(path):
        raise InputError(
            f"{quote(str(path))}: no such file",
            hint=f"{library}: takes a config.json, or a folder that has one; names are not looked up, since nothing is "
            "downloaded",
        )
    data: dict[str, Any] = read_json(path, dict, MAX_CONFIG_BYTES)
    if _has_key(data, "auto_map"):
        raise InputError(
            f"{quote(str(path))} has an auto_map: its model's code is no part of {library} and comes with the weights",
            hint="audit its factory, file.py:factory, if you trust that code",
        )
    kept: dict[str, Any] = _without(data, _ELSEWHERE)
    return kept


def class_named(library: Any, name: Any, path: str) -> Any:
    """Return the class of a torch module that ``library`` has by this name.

    Raises:
        InputError: it has none.
    """
    from torch import nn

    try:
        with prints_on_stderr(), nothing_downloaded():
            found = getattr(library, name, None) if isinstance(name, str) else None
    except Exception as error:  # the library imports the class here, and whatever that needs
        said = (str(error).strip().splitlines() or [""])[0][:200]
        raise InputError(f"{quote(path)}: {name} of {library.__name__} cannot be imported: {said}") from error
    if found is not None and not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(f"{quote(path)}: {name} of {library.__name__} is no torch module", hint="name a model's file")
    if found is None:
        raise InputError(
            f"{quote(path)}: {library.__name__} has no model {quote(str(name))}",
            hint=did_you_mean(str(name), dir(library)) or f"a newer {library.__name__} may have it",
        )
    return found


def import_library(module: str, install: str) -> Any:
    """Import a library of models.

    Args:
        install: what pip is given to install it.

    Raises:
        InputError: it is missing, or cannot be imported.
    """
    try:
        with prints_on_stderr(), nothing_downloaded():
            return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module.split('.')[0]} cannot be imported: {error}", hint=f"pip install {install}"
        ) from error


def _has_key(data: Any, key: str) -> bool:
    if isinstance(data, dict):
        return key in data or any(_has_key(value, key) for value in data.values())
    return isinstance(data, list) and any(_has_key(value, key) for value in data)


def _without(data: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(data, dict):
        return {key: _without(value, keys) for key, value in data.items() if key not in keys}
    return [_without(value, keys) for value in data] if isinstance(data, list) else data
