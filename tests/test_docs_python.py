"""Every program of docs/python.md runs, in the order of the page, and prints what the page says."""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings

import pytest

from tests.lacking import lacking
from tests.pages import blocks, page

PROGRAMS = [block for block in blocks(page("docs/python.md")) if block.language == "python"]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the programs without needs of their own have made, in a folder where they ran, and what they printed."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("python"))
    made: dict[str, object] = {"printed": []}
    made["print"] = lambda *values: made["printed"].append(" ".join(map(str, values)))
    try:
        for program in PROGRAMS:
            if not program.word and "IPython" not in program.body:
                run(program.body, made)
        yield made
    finally:
        os.chdir(before)


def run(program: str, names: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(program, "<docs/python.md>", "exec"), names)


def test_each_program_is_run_by_a_test_of_this_file():
    assert [program.word for program in PROGRAMS if program.word] == ["lightning", "compile"]
    assert sum("IPython" in program.body for program in PROGRAMS) == 1


def test_what_is_printed_is_what_the_page_says(names):
    printed = names["printed"]
    assert printed[0].startswith("Cost(params=25557032, macs=4089184256, ")
    assert printed.count("True") == 3, "fvcore agrees, the text is the network, the budget is kept"
    assert names["audit"].macs == names["archlab"].cost(names["half"]).macs


def test_the_notebooks_cell_shows_the_page(names):
    (cell,) = [program.body for program in PROGRAMS if "IPython" in program.body]
    if not importlib.util.find_spec("IPython"):
        lacking("no IPython")
    *first, last = cell.strip().splitlines()
    run("\n".join(first), names)
    shown = eval(last, names)
    assert "best.html" in shown._repr_html_()
    assert os.path.getsize("best.html") > 1000


def test_a_study_of_ones_own_has_a_parameter_beside_the_holes(names):
    assert {"rate", "stem.conv.c", "body.depth"} <= set(names["study"].best_params)
    assert len({trial.user_attrs["macs"] for trial in names["study"].trials}) > 1


def test_a_script_that_drives_the_search_evaluates_each_network_once(names):
    assert names["result"].counts()["scored"] == 4


def test_lightning_trains_a_network(names):
    if not importlib.util.find_spec("lightning"):
        lacking("no lightning")
    (program,) = [program.body for program in PROGRAMS if program.word == "lightning"]
    fresh = names["archlab"].build(names["best"], seed=0).state_dict()
    run(program, names)
    trained = names["torch"].load("best.pt", weights_only=True)
    assert trained.keys() == fresh.keys()
    assert not trained["head.fc.linear.weight"].equal(fresh["head.fc.linear.weight"])


@pytest.mark.slow
def test_a_compiled_network_gives_the_same(names):
    if not shutil.which("g++"):
        lacking("no C++ compiler")
    (program,) = [program.body for program in PROGRAMS if program.word == "compile"]
    run(program, names)
    assert names["printed"][-1] == "tensor(True)"
