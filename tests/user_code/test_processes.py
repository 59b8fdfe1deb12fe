"""A user's files in other processes: loaders of data, workers, commands and notebooks."""

from __future__ import annotations

import json
import pickle
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

import archlab
from archlab.cli.main import cli
from archlab.errors import InputError
from archlab.user_code import load
from tests.user_code.files import OBJECTIVE, SPACE, run

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
