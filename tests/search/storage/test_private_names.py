"""Optuna's private names are used in ``archlab/search/storage`` alone: one place to look at when Optuna changes."""

from __future__ import annotations

import ast
from pathlib import Path

import archlab

PACKAGE = Path(archlab.__file__).parent
STORAGE = PACKAGE / "search" / "storage"
ATTRIBUTES = {"_storage", "_study_id", "_trial_id", "_backend", "_cached_frozen_trial", "system_attrs",
              "set_trial_system_attr", "set_study_system_attr", "get_study_system_attrs"}  # fmt: skip
KEYS = {"fixed_params", "failed_trial", "retry_history", "constraints"}


def private_uses(path: Path) -> list[str]:
    """Return the private names of Optuna that a file uses, each with its line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            # An object's own attribute may have any name.
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                found.append(f"{node.lineno}: {node.attr}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optuna"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found += [f"{node.lineno}: {name}" for name in names if name.startswith("_")]
        elif isinstance(node, ast.Constant) and node.value in KEYS:
            found.append(f"{node.lineno}: {node.value!r}")
    return found


def uses_optuna(path: Path) -> bool:
    return "optuna" in path.read_text(encoding="utf-8")


def test_no_file_outside_storage_uses_a_private_name_of_optuna():
    files = [path for path in PACKAGE.rglob("*.py") if uses_optuna(path) and STORAGE not in path.parents]
    assert len(files) > 5
    assert {str(path.relative_to(PACKAGE)): private_uses(path) for path in files if private_uses(path)} == {}


def test_the_check_sees_them_where_they_are():
    assert any("_storage" in use for use in private_uses(STORAGE / "claim.py"))
    assert any("fixed_params" in use for use in private_uses(STORAGE / "one_trial.py"))
