"""Files and modules that cannot be loaded: one message, with the line."""

from __future__ import annotations

import pytest

from archlab.errors import InputError
from archlab.user_code import load, load_module


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.py", "no such file: nowhere.py\n  hint: it is looked for in "),
        ("no_such_package.module", "there is no module 'no_such_package.module'\n  hint: is its package installed?"),
        ("json.nothing", "there is no module 'json.nothing'"),
        ("..x", "'..x' is no module's name"),
        ("", "'' is no module's name"),
    ],
)
def test_what_does_not_exist_is_refused(write, source, message):
    write()
    with pytest.raises(InputError) as refused:
        load_module(source)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("x = '\x00'\n", 1, "SyntaxError: source code"),
        ("\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("import no_such_package_here\n", 1, "ModuleNotFoundError: No module named 'no_such_package_here'"),
        ("from helpers import y\n", 1, "ImportError: cannot import name 'y' from 'helpers'"),
        ("import sys\nsys.exit(0)\n", 2, "SystemExit: 0"),
        ("import json\n\njson.loads('{')\n", 3, "JSONDecodeError: Expecting property name"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_message_with_its_line(write, text, line, message):
    folder = write(broken=text, helpers="")
    with pytest.raises(InputError) as refused:
        load_module("broken.py")
    place = refused.value.place
    assert place is not None
    assert (place.source, place.line) == (str(folder / "broken.py"), line)
    assert refused.value.message.startswith(f"broken.py cannot be loaded: {message}")


def test_the_line_is_of_the_file_beside_where_that_is_the_broken_one(write):
    folder = write(mine="import helpers", helpers="\n\nundefined")
    with pytest.raises(InputError) as refused:
        load_module("mine.py")
    assert str(refused.value).startswith(f"{folder / 'helpers.py'}:3:1: mine.py cannot be loaded: NameError")
    (folder / "helpers.py").write_text("")
    load_module("mine.py")


def test_an_interrupt_is_not_caught(write):
    write(mine="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_module("mine.py")


def test_an_edited_file_is_loaded_again_with_all_beside_it(write):
    folder = write(mine="import helpers\ndef f(): return helpers.X", helpers="X = 1")
    first = load("mine.py", "f")
    assert load("mine.py", "f") is first
    (folder / "helpers.py").write_text("X = 2")
    assert load("mine.py", "f")() == 2
    assert first() == 1
