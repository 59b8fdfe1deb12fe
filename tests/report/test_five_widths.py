"""Every table of the commands fits five widths, on five networks, with each name, parameter and MAC whole."""

from __future__ import annotations

import dataclasses
import functools
import re

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from archlab.cli.study import check_lines
from archlab.elaborate import elaborate
from archlab.grammar import parse_file
from archlab.report.diff_tables import print_diff, totals_table
from archlab.report.network_tables import SPACES_SPARE, SPARE, network_table, space_rows, spaces_table
from archlab.report.search_summary import finalists_table, print_tables, stages_table
from archlab.report.structure_tables import kinds_table, print_structure, sections_table
from archlab.report.suggestion_table import print_suggestions, suggestions_table
from archlab.report.terminal_tables import print_fitted
from archlab.resources import find_architecture
from archlab.search.result import Objective
from archlab.search.storage.check_study import StorageCheck, StudyCheck
from archlab.structure import find_structure
from archlab.structure.compare import compare
from archlab.what_if.suggest import suggest
from tests.report import results

WIDTHS = (60, 80, 100, 140, 200)
NETWORKS = ("resnet50", "mobilenet_v2", "shufflenet_v1_g3", "xception", "inception_v3")
WHOLE = ("params", "MACs")


@functools.cache
def network(name):
    return elaborate(parse_file(find_architecture(name)))


@functools.cache
def structure(name):
    return find_structure(network(name).graph)


def lines_of(width, write):
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        write(console)
    return captured.get().splitlines()


def check(width: int, write, *tables: Table) -> None:
    """Check that no line is wider than the console, and that names, parameters and MACs stand in it uncut."""
    lines = lines_of(width, write)
    assert max(map(cell_len, lines)) <= width
    # What folds goes on in the same column of the next line, so a cell's pieces stand in order, not side by side.
    text = "".join("\n".join(lines).replace("↳", "").split())
    for table in tables:
        names, *others = table.columns
        for column in (c for c in others if str(c.header) in WHOLE):
            assert all(_squeezed(cell) in text for cell in column.cells), column.header
        pieces = "\n".join(lines)
        for cell in names.cells:
            assert all(part in pieces for part in _pieces(cell, width)), cell


def _squeezed(cell: object) -> str:
    return "".join(Text.from_markup(str(cell)).plain.split())


def _pieces(cell: object, width: int) -> list[str]:
    """Return the words of a name, which fold only where they are longer than a column's narrowest."""
    words = re.split(r"[\s._]+", Text.from_markup(str(cell)).plain)
    return [word for word in words if len(word) <= 12]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("by", ["stage", "block", "op"])
def test_show(name, width, by):
    table = network_table(network(name), by)
    check(width, lambda console: print_fitted(console, table, SPARE), network_table(network(name), by))


@pytest.mark.parametrize("width", WIDTHS)
def test_spaces(width):
    check(width, lambda console: print_fitted(console, spaces(), SPACES_SPARE), spaces())


@functools.cache
def spaces():
    return spaces_table(space_rows())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NETWORKS)
def test_audits_structure(name, width):
    found = structure(name)
    check(width, lambda console: print_structure(console, found), kinds_table(found), sections_table(found))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NETWORKS)
def test_diff(name, width):
    found = compare(network(NETWORKS[0] if name != NETWORKS[0] else "resnext50_32x4d").graph, network(name).graph)
    check(width, lambda console: print_diff(console, found), totals_table(found))


@functools.cache
def suggested():
    return suggest(parse_file(find_architecture("resnet50")))


@pytest.mark.parametrize("width", WIDTHS)
def test_rewrite(width):
    check(width, lambda console: print_suggestions(console, suggested()), suggestions_table(suggested()))


def _named(result, name):
    finalists = tuple(dataclasses.replace(f, name=f"{name}_{f.trial}") for f in result.finalists)
    return dataclasses.replace(result, space=name, finalists=finalists)


SEARCHES = {
    "mobile": results.search,
    "a_network_with_a_name_that_is_longer_than_half_of_a_narrow_terminal": results.search,
    "staged": results.staged,
    "many": lambda: results.search(120, 20),
    "an objective with a long name": lambda: _with_objective("my_package.my_module:validation_accuracy"),
}


def _with_objective(name):
    found = results.search()
    finalists = tuple(dataclasses.replace(f, values={name: 0.5}) for f in found.finalists)
    return dataclasses.replace(found, objectives=(Objective(name, "maximize"),), finalists=finalists)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SEARCHES)
def test_search(name, width):
    result = _named(SEARCHES[name](), name)
    tables = [finalists_table(result)] + ([stages_table(result)] if len(result.stages) > 1 else [])
    check(width, lambda console: print_tables(console, result), *tables)


STUDY = StudyCheck(
    name="a_study_with_a_name_that_is_rather_long_for_a_terminal",
    is_archlab=True,
    evaluated=12,
    wanted=60,
    trials={"complete": 12, "pruned": 3, "fail": 2, "running": 1, "waiting": 4},
    running=(17,),
    let_go=tuple(range(30)),
    untold=(1, 2),
    taken_in=(3,),
    left=("trial 4 was begun by a process of another machine, and whether that runs is not known here",),
)


@pytest.mark.parametrize("width", WIDTHS)
def test_study(width):
    lines = check_lines(
        StorageCheck(where="out/study.journal", studies=(STUDY,), tears=(), backup=None, left=()), width
    )
    assert max(map(len, lines)) <= max(width, len(f"{STUDY.name}: "))
    assert STUDY.name in "\n".join(lines)
    assert lines == sorted(lines, key=lines.index)
    assert "12 of 60 evaluations" in " ".join(" ".join(lines).split())
