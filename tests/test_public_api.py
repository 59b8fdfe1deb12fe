"""What ``archlab`` offers is what its ``__all__`` lists: documented, typed, and imported only when it is used."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys
import types
from typing import Any

import pytest

import archlab
import archlab.detect
import archlab.roi
import archlab.score
import archlab.train
from tests.waiting import DEADLINE

PACKAGES = (archlab, archlab.detect, archlab.roi, archlab.score, archlab.train)
HEAVY = ("torch", "optuna", "pandas", "plotly", "networkx", "sklearn", "fvcore", "rich", "numpy")

NAMES = [
    pytest.param(package, name, id=f"{package.__name__}.{name}") for package in PACKAGES for name in package.__all__
]


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_each_public_name_resolves_and_has_a_docstring_of_its_own(package: types.ModuleType, name: str):
    value: Any = getattr(package, name)
    if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        assert value.__doc__, f"{package.__name__}.{name} has no docstring"
        assert not value.__doc__.startswith(f"{name}("), (
            "a dataclass's docstring is not what Python makes of its fields"
        )


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_dir_shows_the_public_names_alone(package: types.ModuleType):
    if package is not archlab.score:  # whose names are all imported, so that dir finds them by itself
        assert dir(package) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))


def test_the_version_is_that_of_the_installed_package():
    assert archlab.__version__ == importlib.metadata.version("archlab")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'archlab' has no attribute 'serach'"):
        archlab.serach  # noqa: B018


def test_importing_archlab_imports_nothing_heavy():
    program = f"import archlab, sys; print([name for name in {HEAVY} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert run.stdout.strip() == "[]"


def test_a_search_begins_without_what_only_a_longer_one_needs():
    program = (
        "import archlab.search.run, sys; print([name for name in ('sklearn', 'scipy.stats') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert run.stdout.strip() == "[]"


def test_the_functions_keep_their_names_when_modules_of_the_same_name_are_imported():
    program = (
        "import archlab, importlib\n"
        "for name in ('search.run', 'audit.audit_run', 'elaborate.network', 'cost', 'search', 'audit', 'elaborate'):\n"
        "    importlib.import_module(f'archlab.{name}')\n"
        "print([callable(getattr(archlab, name)) for name in ('audit', 'cost', 'elaborate', 'search')])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert run.stdout.strip() == "[True, True, True, True]"
