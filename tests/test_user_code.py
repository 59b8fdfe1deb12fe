"""One loader for audits, objectives and workers: each kind of file and module, in this process and in others."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

import archlab
from archlab.cli.main import cli
from archlab.errors import InputError
from archlab.user_code import load, load_module

ROOT = Path(archlab.__file__).parents[1]
SPACE = "net tiny(input=3x8x8)\nstem: conv([4..32 step 4], 3, s=2)\nhead: gap -> fc(2)\n"
OBJECTIVE = "def accuracy(module, candidate, trial):\n    return float(candidate.cost['params'])\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes files into the current folder, an empty one, as in a process that has imported nothing like them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    for name in ("helpers", "late", "nets", "nets.helpers", "sub", "top", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path

    return write


def package(folder: Path) -> None:
    (folder / "__init__.py").write_text("")


def run(folder: Path, *words: object, program=("-P", "-m", "archlab")) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *program, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


# --- names -------------------------------------------------------------------------------------------------------


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


# --- what cannot be loaded ---------------------------------------------------------------------------------------


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


# --- other processes ---------------------------------------------------------------------------------------------

LOADERS = """\
    import torch
    from helpers import Squares

    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            import helpers
            assert isinstance(squares, helpers.Squares)
            return squares(i)

    def collate(items):
        return sum(items)

    squares = Squares()

    def total(method):
        return sum(torch.utils.data.DataLoader(
            Data(), batch_size=3, num_workers=1, collate_fn=collate, multiprocessing_context=method))
    """


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loaders_have_workers(write, method):
    folder = write(queue=LOADERS, helpers="class Squares:\n    def __call__(self, i): return i * i")
    (folder / "main").mkdir()
    (folder / "main" / "main.py").write_text(
        "from archlab.user_code import load\n"
        f"if __name__ == '__main__':\n    print(load('queue.py', 'total')({method!r}))\n"
    )
    done = run(folder, "main/main.py", program=())
    assert (done.returncode, done.stdout) == (0, "55\n"), done.stderr


def test_what_a_file_defines_is_unpickled_by_a_process_that_knows_nothing(write, tmp_path):
    folder = write(a__train="from helpers import X\nclass Net:\n    value = X", a__helpers="X = 7")
    (folder / "net.pickle").write_bytes(pickle.dumps(load("a/train.py", "Net")()))
    code = f"import pickle; print(pickle.load(open({str(folder / 'net.pickle')!r}, 'rb')).value)"
    done = run(Path("/"), "-c", code, program=())
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr


def test_a_search_with_workers_whose_objective_has_the_name_of_a_standard_module(write):
    folder = write(queue="from helpers import factor\n" + OBJECTIVE + "factor()\n", helpers="def factor(): return 1")
    (folder / "tiny.arch").write_text(SPACE)
    done = run(folder, "search", "tiny.arch", "-o", "queue.py:accuracy", "-n", 4, "--no-latency", "--workers", 2)
    assert done.returncode == 0, done.stderr
    result = json.loads((folder / "out" / "tiny" / "result.json").read_text())
    scored = [trial for trial in result["trials"] if trial["values"]]
    assert [t["values"] for t in scored] == [{"queue.py:accuracy": t["cost"]["params"]} for t in scored]
    assert len(scored) >= 4


def test_a_worker_joins_from_another_folder_by_a_full_path(write):
    folder = write(sub__objective="import helpers\n" + OBJECTIVE, sub__helpers="")
    (folder / "tiny.arch").write_text(SPACE)
    objective = f"{folder}/sub/objective.py:accuracy"
    archlab.search("tiny.arch", objective=objective, trials=2, out="out", latency=False)
    (folder / "elsewhere").mkdir()
    storage = folder / "out" / "study.journal"
    done = run(folder / "elsewhere", "worker", "--study", "tiny", "--storage", storage, "--objective", objective)
    assert (done.returncode, done.stdout) == (0, "2 evaluations done\n"), done.stderr


@pytest.mark.parametrize("command", [("search", "tiny.arch", "-o"), ("audit",)])
def test_a_file_that_ends_python_is_refused_by_the_command_line(write, command):
    folder = write(queue="import sys\nsys.exit(0)\n")
    (folder / "tiny.arch").write_text(SPACE)
    done = run(folder, *command, "queue.py:f")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"archlab: {folder}/queue.py:2:1: queue.py cannot be loaded: SystemExit: 0\n")
    assert "Traceback" not in done.stderr


def test_calibrate_trains_with_an_objective_of_the_users(write):
    folder = write(queue=OBJECTIVE)
    (folder / "tiny.arch").write_text(SPACE.replace("fc(2)", "conv([4..32 step 4]) -> gap -> fc(2)"))
    done = CliRunner().invoke(
        cli, ["calibrate", "tiny.arch", "-o", "queue.py:accuracy", "-n", "10", "--out", "tiny.json"]
    )
    assert done.output.startswith("tiny.json: 10 networks"), done


def audited(*words):
    done = CliRunner().invoke(cli, ["audit", *words, "--json"])
    assert done.exit_code == 0, done
    return [one["macs"] for one in json.loads(done.stdout)["audits"]]


def test_an_audit_of_a_file_with_the_name_of_a_standard_module(write):
    write(
        sub__queue="from helpers import linear\nprint('loading')\nclass Nets:\n    small = staticmethod(linear)\n",
        sub__helpers="import torch\ndef linear(width=4): return torch.nn.Linear(width, 2, bias=False)",
    )
    assert audited("sub/queue.py:Nets.small(width=3)", "--input", "3") == [6]


def test_what_a_module_computes_is_real_in_an_audit_without_memory(write):
    write(
        nets="""\
        import torch
        WIDTHS = torch.tensor([3, 5])
        def make(): return torch.nn.Linear(4, int(WIDTHS.sum()), bias=False)
        """
    )
    assert audited("nets.py:make", "--input", "4") == [32]


# --- notebooks ---------------------------------------------------------------------------------------------------


def in_a_notebook():
    """A function as a notebook makes it: of ``__main__``, with no file."""
    module = types.ModuleType("__main__")
    exec(OBJECTIVE, module.__dict__)
    return module.accuracy


def test_a_notebooks_function_is_an_objective_with_one_worker(write):
    folder = write()
    (folder / "tiny.arch").write_text(SPACE)
    found = archlab.search("tiny.arch", objective=in_a_notebook(), trials=2, out="out", latency=False)
    assert {name for t in found.trials for name in t.values} == {"accuracy"}


def test_a_notebooks_function_is_refused_with_several_workers(write):
    folder = write()
    (folder / "tiny.arch").write_text(SPACE)
    with pytest.raises(InputError, match="accuracy is a function of this process, which other workers cannot call"):
        archlab.search("tiny.arch", objective=in_a_notebook(), trials=2, out="out", workers=2)
    assert not (folder / "out").exists()
