"""``[tool.archlab.audit]`` in pyproject.toml: what to audit, and the limits to keep.

[tool.archlab.audit]
targets = ["my_package.models:small()", "my_package.models:large(depth=50)"]
input = "3x224x224"          # or a list, or a file
batch = 1
max = ["macs=600M", "params=5M"]
rules = "my_rules.py"         # or a list: files that call archlab.audit_rule

[tool.archlab.audit.limits]   # of single targets, instead of those above
"my_package.models:large(depth=50)" = ["macs=4.2G"]
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archlab.errors import InputError, did_you_mean, quote
from archlab.reading import read_toml

MAX_BATCH = 2**20
_KEYS = {"targets", "input", "batch", "max", "limits", "rules"}


@dataclass(frozen=True)
class Config:
    """What a pyproject.toml asks for."""

    targets: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    batch: int | None = None
    limits: tuple[str, ...] = ()
    limits_of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rules: tuple[str, ...] = ()


def read_config(folder: Path) -> Config:
    """Read what the pyproject.toml of ``folder``, or of the nearest folder above that has one, says of audits.

    Raises:
        InputError: the file is broken, or a key of the table is unknown or of the wrong type.
    """
    for above in (folder, *folder.parents):
        path = above / "pyproject.toml"
        if os.path.isfile(path):
            return _read(path)
    return Config()


def _read(path: Path) -> Config:
    table: Any = read_toml(path)
    where = str(path)
    for name in ("tool", "archlab", "audit"):
        table = table.get(name, {})
        where = f"{path} [{name}]" if name == "tool" else f"{where[:-1]}.{name}]"
        if not isinstance(table, dict):
            raise InputError(f"{where} must be a table, not {quote(str(table))}")
    for key in table:
        if key not in _KEYS:
            raise InputError(f"{where}: unknown key {quote(key)}", hint=did_you_mean(key, _KEYS))
    batch = table.get("batch")
    if batch is not None and (not isinstance(batch, int) or isinstance(batch, bool) or not 1 <= batch <= MAX_BATCH):
        raise InputError(f"{where}: batch must be a whole number from 1 to {MAX_BATCH:,}, not {repr(batch)[:60]}")
    limits_of = table.get("limits", {})
    if not isinstance(limits_of, dict):
        raise InputError(f"{where}: limits must be a table of targets")
    return Config(
        targets=_texts(table.get("targets", []), f"{where}: targets"),
        inputs=_texts(table.get("input", []), f"{where}: input"),
        batch=batch,
        limits=_texts(table.get("max", []), f"{where}: max"),
        limits_of=tuple(
            (name, _texts(value, f"{where}: limits of {quote(name)}")) for name, value in limits_of.items()
        ),
        rules=tuple(str(path.parent / file) for file in _texts(table.get("rules", []), f"{where}: rules")),
    )


def _texts(value: Any, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise InputError(f"{where} must be a text or a list of texts")
    return tuple(values)
