"""One loader for audits, objectives and workers: what a file is called, and what lies beside it."""

from __future__ import annotations

import json
import pickle
import queue
import sys

import pytest

from archlab.errors import InputError
from archlab.user_code import load, load_module
from tests.user_code.files import ROOT, package


def test_a_file_with_the_name_of_a_standard_module_leaves_that_module_alone(write):
    write(queue="import queue\ndef f(): return queue.Queue")
    assert load("queue.py", "f")() is queue.Queue
    assert sys.modules["queue"] is queue


def test_two_files_of_one_name_are_two_modules(write):
    write(a__train="def f(): return 'a'", b__train="def f(): return 'b'")
    a, b = load("a/train.py", "f"), load("b/train.py", "f")
    assert (a(), b()) == ("a", "b")
    assert sys.modules[a.__module__].f is a
    assert sys.modules[b.__module__].f is b


@pytest.mark.parametrize("name", ["train-v2", "my.train", "2nd train", "größe"])
def test_a_file_may_have_any_name(write, name):
    write(**{name: "class Net: pass"})
    net = load(f"{name}.py", "Net")
    assert pickle.loads(pickle.dumps(net)) is net


def test_an_attribute_may_be_dotted(write):
    write(mine="class Trainer:\n    @staticmethod\n    def accuracy(): return 3")
    assert load("mine.py", "Trainer.accuracy")() == 3
    with pytest.raises(InputError, match=r"'mine.py' has no 'acuracy'\n  hint: did you mean accuracy\?"):
        load("mine.py", "Trainer.acuracy")


def test_a_file_is_one_module_however_it_is_named(write):
    folder = write(mine="class Net: pass")
    assert load("mine.py", "Net") is load(str(folder / "mine.py"), "Net") is load("./mine.py", "Net")


def test_what_a_file_prints_is_no_result(write, capsys):
    write(mine="print('hello')\nx = 1")
    assert load("mine.py", "x") == 1
    assert capsys.readouterr() == ("", "hello\n")


def test_no_bytecode_is_left_that_python_would_take_for_its_own(write):
    folder = write(mine="import helpers", helpers="")
    load_module("mine.py")
    assert not list(folder.rglob("*.pyc"))


# --- what lies beside --------------------------------------------------------------------------------------------

FORMS = """\
    import helpers
    import helpers as other
    from helpers import NAME
    from helpers import *
    import sub.deep
    import sub.deep as deep
    from sub import deep as again
    from sub.deep import DEPTH

    def at_once():
        return {helpers.NAME, other.NAME, NAME, sub.deep.DEPTH, deep.DEPTH, again.DEPTH, DEPTH}

    def later():
        import helpers
        import sub.late
        from late import NAME as late
        return {helpers.NAME, late, sub.late.NAME}
    """


@pytest.mark.parametrize("regular", [True, False])
def test_imports_mean_the_files_beside_the_file_that_imports(write, regular):
    for name in "ab":
        folder = write(**{f"{name}__train": FORMS}) / name
        (folder / "sub").mkdir()
        for file, word in (("helpers", "NAME"), ("late", "NAME"), ("sub/deep", "DEPTH"), ("sub/late", "NAME")):
            (folder / f"{file}.py").write_text(f"{word} = {name!r}")
        if regular:
            package(folder / "sub")
    a, b = load_module("a/train.py"), load_module("b/train.py")
    assert (a.at_once(), b.at_once()) == ({"a"}, {"b"})
    assert (b.later(), a.later()) == ({"b"}, {"a"})
    assert not {"helpers", "late", "sub", "train"} & set(sys.modules)


def test_files_beside_each_other_share_what_they_both_import(write):
    write(one="import two, state", two="import state", state="")
    one = load_module("one.py")
    assert one.state is one.two.state is load_module("state.py")


def test_files_beside_each_other_may_import_each_other(write):
    write(one="import two\nX = 1\ndef f(): return two.f()", two="import one\ndef f(): return one.X")
    assert load("one.py", "f")() == 1


def test_a_name_beside_comes_before_an_installed_one_and_after_pythons_own(write):
    write(mine="import click, json", click="HERE = True", json="HERE = True")
    mine = load_module("mine.py")
    assert mine.click.HERE
    assert mine.json is json


def test_what_is_imported_already_is_not_loaded_twice():
    """This clone's ``archlab`` lies beside what is loaded from the clone's folder."""
    import tests.conftest as imported

    assert load_module(str(ROOT / "tests" / "conftest.py")) is imported


def test_a_folder_of_data_does_not_hide_an_installed_package(write):
    import click

    folder = write(mine="import click")
    (folder / "click").mkdir()
    assert load_module("mine.py").click is click


def test_a_module_named_in_a_string_is_found_beside(write):
    write(mine="import importlib\ndef f(): return importlib.import_module('beside_by_name').X", beside_by_name="X = 5")
    assert load("mine.py", "f")() == 5


# --- packages and modules ----------------------------------------------------------------------------------------


def test_a_file_of_a_package_is_loaded_as_a_part_of_it(write):
    folder = write(
        top="X = 'top'",
        nets__train="""\
            from . import helpers
            from .deep.net import X
            import nets.helpers
            import top
            import helpers as beside
            def f(): return X, top.X, nets.helpers is helpers is beside
            """,
        nets__helpers="",
        nets__deep__net="from ..helpers import __name__ as X",
    )
    package(folder / "nets")
    package(folder / "nets" / "deep")
    name, top, same = load("nets/train.py", "f")()
    assert (name.endswith(".nets.helpers"), top, same) == (True, "top", True)


def test_a_package_on_pythons_path_keeps_its_name(write, monkeypatch):
    folder = write(path_package__net="class Net: pass")
    package(folder / "path_package")
    monkeypatch.syspath_prepend(folder)
    assert load("path_package/net.py", "Net").__module__ == "path_package.net"


def test_a_package_itself_can_be_loaded(write):
    folder = write(nets__part="X = 2")
    (folder / "nets" / "__init__.py").write_text("from .part import X")
    assert load("nets/__init__.py", "X") == 2


def test_a_module_is_found_from_the_current_folder(write, monkeypatch):
    folder = write(user_code_package__module="def f(): return 4")
    package(folder / "user_code_package")
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    assert load("user_code_package.module", "f")() == 4
    assert load("user_code_package.module", "f").__module__ == "user_code_package.module"
