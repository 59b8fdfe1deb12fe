"""The files that decide an objective's value are found by what they import, without running them."""

from __future__ import annotations

import functools
import subprocess
import sys

import pytest

from archlab.search.judging_code import code_in, code_of, difference
from archlab.search.objective import parse_goals, user_goal
from tests.waiting import DEADLINE


@pytest.fixture
def folder(tmp_path):
    """Writes files, a text for each path, and returns the folder that they are in."""

    def write(**texts: str):
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_file_and_what_it_imports_beside_it_at_the_top_or_later(folder):
    root = folder(
        train_py="import json, torch, helpers\ndef value(m, c, t):\n    from nets.blocks import block\n",
        helpers_py="import deep as d\n",
        deep_py="import helpers\n",
        nets__blocks_py="from . import shared\nfrom .parts import *\n",
        nets__shared_py="",
        nets__parts_py="",
        unused_py="",
        json_py="",
    )
    names = ["deep.py", "helpers.py", "nets/blocks.py", "nets/parts.py", "nets/shared.py", "train.py"]
    assert list(code_in(root / "train.py")) == names


def test_a_package_is_the_files_of_the_package_that_are_imported(folder):
    root = folder(beside_py="", other_py="")
    for name, text in {
        "__init__": "",
        "train": "import beside, pack.a\nfrom .b import f",
        "a": "",
        "b": "",
        "c": "",
    }.items():
        (root / "pack").mkdir(exist_ok=True)
        (root / "pack" / f"{name}.py").write_text(text, encoding="utf-8")
    assert list(code_in(root / "pack" / "train.py")) == ["pack/__init__.py", "pack/a.py", "pack/b.py", "pack/train.py"]


def test_the_files_are_not_run_and_may_be_no_python(folder):
    root = folder(train_py="def value(*_):\n    import broken, wild\n", broken_py="def (", wild_py="raise SystemExit")
    assert list(code_in(root / "train.py")) == ["broken.py", "train.py", "wild.py"]


def test_a_change_shows_in_the_file_that_was_changed(folder):
    root = folder(train_py="import helpers\n", helpers_py="A = 1\n")
    before = code_in(root / "train.py")
    folder(helpers_py="A = 2\n")
    assert difference(before, code_in(root / "train.py")) == "helpers.py was changed"


def test_a_calibration_is_its_file_and_one_of_archlabs_own_is_nothing():
    (score,) = parse_goals(["score"])
    assert code_of(score) == {}


def test_a_function_is_what_it_does_and_not_where_it_stands():
    one, two, again = [
        code_of(user_goal(f, "f")) for f in (lambda m, c, t: 1.0, lambda m, c, t: 2.0, lambda m, c, t: 1.0)
    ]
    assert one == again != two
    assert code_of(user_goal(functools.partial(lambda m, c, t: 1.0), "f")) == one


def test_a_function_has_the_same_code_in_every_process(tmp_path):
    script = tmp_path / "show.py"
    script.write_text(
        "from archlab.search.judging_code import code_of\n"
        "from archlab.search.objective import user_goal\n"
        "def f(m, c, t):\n    return float(c.cost['params'] in {'a', 'b', 'c', 1.5}) + sum(x for x in (1, 2))\n"
        "print(code_of(user_goal(f)))\n",
        encoding="utf-8",
    )
    shown = [
        subprocess.run([sys.executable, script], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, check=True, timeout=DEADLINE).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert shown[0] == shown[1] != b"{}\n"
