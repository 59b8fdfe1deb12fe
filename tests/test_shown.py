"""Values read well in Python: a line as ``repr``, a table in ``print`` and a notebook, a page, a CSV, a frame."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from torch import nn

import archlab
from archlab.report.escaping import csp_hash
from archlab.search.result import Finalist, Objective, SearchStage
from archlab.shown import short
from tests.report.handmade import result
from tests.waiting import DEADLINE

EVIL = "<script>alert(1)</script>[bold]\x1b[31m&\n\"'="


class _Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("<img src=http:x onerror=alert(1)>[/red]", nn.Conv2d(3, 8, 3))
        self.add_module("an_extraordinarily_long_name_that_nobody_would_give_to_a_layer_of_his_network", nn.ReLU())

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


AUDIT = dataclasses.replace(archlab.audit(_Inner(), (2, 3, 8, 8)), name=EVIL)
NETWORK = archlab.elaborate("mobilenet_v1")
EVIL_GRAPH = dataclasses.replace(NETWORK.graph, name=EVIL)
FINALIST = Finalist(
    2, "=f<b>[/x]", "f.arch", "net f", {"macs": 2e8, "params": 1.0, "activations": 1.0, "memory": 4.0}, {}
)
RESULT = result(space=EVIL, finalists=(FINALIST,))
VALUES = [AUDIT, NETWORK, NETWORK.graph, EVIL_GRAPH, archlab.load("mobilenet_v1"), RESULT]
TABLED = [value for value in VALUES if hasattr(value, "frame")]


def name_of(value: object) -> str:
    return type(value).__name__


class _Elements(HTMLParser):
    """The elements and attributes of a piece of HTML, and whether each that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_a_repr_is_one_short_printable_line(value):
    text = repr(value)
    assert text.startswith(f"<{name_of(value)} ")
    assert len(text) < 160
    assert text.isprintable()


def test_a_repr_says_what_matters():
    assert repr(NETWORK) == "<Network mobilenet_v1: 3x224x224, 4.232 M params, 568.7 M MACs>"
    assert repr(NETWORK.graph) == f"<Graph mobilenet_v1: 3x224x224, {len(NETWORK.graph)} nodes>"
    assert repr(result()) == "<SearchResult s: 8 trials, 0 finalists>"
    assert repr(archlab.load("alexnet")) == "<Architecture alexnet: stages features, head>"
    assert repr(archlab.load_space("mobile")) == "<Space mobile: with holes>"
    assert repr(archlab.audit(nn.Linear(4, 2), (3, 4))) == "<Audit Linear: 10 params, 24 MACs, 24 B peak memory>"
    assert short(NETWORK, "x" * 200, "") == f"<Network {'x' * 59}…: >"


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_print_gives_plain_text_with_nothing_cut_short(value):
    text = str(value)
    assert "\x1b" not in text
    assert not text.endswith("\n")
    assert "…" not in text.replace("… and ", "")
    assert len(text.splitlines()) > 3 or value is RESULT


@pytest.mark.parametrize("value", [NETWORK, NETWORK.graph, archlab.audit(archlab.build("mobilenet_v1"), "3x224x224")])
def test_a_printed_table_fits_80_columns(value):
    table = str(value).split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 80
    assert {"params", "MACs"} <= set(table.split())


def test_many_objectives_leave_no_cell_cut_short():
    goals = tuple(Objective(f"an_objective_of_a_long_name_{i}", "maximize") for i in range(6))
    stages = tuple(SearchStage("s", (goal.name,) * 5, 9, 9, 0, 0, 4, 1.5) for goal in goals)
    text = str(result(objectives=goals, stages=stages, finalists=(FINALIST,)))
    assert "…" not in text
    assert all(goal.name in text for goal in goals)


def test_a_name_too_long_for_80_columns_folds_and_parameters_and_macs_are_whole():
    table = str(AUDIT).split("\n\n")[1]
    names = "".join(line.strip().removeprefix("↳ ").split("   ")[0] for line in table.splitlines())
    assert "an_extraordinarily_long_name_that_nobody_would_give_to_a_layer_of_his_network" in names
    assert "<img src=http:xonerror=alert(1)>[/red]" in names  # folded at its space
    assert {"params", "MACs", "224", "15.55", "k"} <= set(table.split())
    assert "bytes" not in table
    assert max(map(len, table.splitlines())) <= 80


def test_an_architecture_prints_as_a_text_that_means_the_same():
    architecture = archlab.load("mobile")
    assert archlab.parse(str(architecture)) == architecture


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_a_notebook_gets_small_html_without_scripts_or_requests(value):
    html = value._repr_html_()
    elements = _Elements(html)
    assert elements.open == []
    assert elements.found <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre"}
    assert elements.attributes <= {"style", "scope"}
    assert "http" not in re.sub(r"&lt;img src=http:x", "", html)
    assert "\x1b" not in html
    assert len(html) < 40_000


def test_names_stand_in_the_notebook_as_they_are():
    html = AUDIT._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;[bold]" in html
    assert "&lt;img src=http:x onerror=alert(1)&gt;[/red]" in html
    assert "=f&lt;b&gt;[/x]" in RESULT._repr_html_()


def test_of_many_rows_a_notebook_shows_the_first_and_says_so():
    many = result(finalists=(FINALIST,) * 400)
    assert many._repr_html_().count("<tr>") < 30
    assert len(str(many).splitlines()) < 35
    assert "… and 380 more finalists" in many._repr_html_()
    assert f"… and {len(NETWORK.graph) - 40} more operators" in NETWORK.graph._repr_html_()


@pytest.mark.parametrize("value", TABLED, ids=name_of)
def test_a_page_has_its_own_scripts_and_escapes_names(value, tmp_path):
    value.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert scripts
    assert all(csp_hash(script) in policy for script in scripts)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert len(page) < 2_000_000


TABLES = {"Audit": 4, "Network": 4, "Graph": 2, "SearchResult": 2}


@pytest.mark.parametrize("value", TABLED, ids=name_of)
def test_frames_and_csv_have_the_same_rows(value, tmp_path):
    with pytest.raises(archlab.InputError, match="no table by 'no such'"):
        value.frame("no such")
    with pytest.raises(archlab.InputError, match="one of: "):
        value.to_csv(tmp_path / "t.csv", by="")
    tables = sys.modules[value.view].TABLES
    assert len(tables) == TABLES[name_of(value)]
    for by in tables:
        frame = value.frame(by)
        value.to_csv(str(tmp_path / "t.csv"), by=by)
        head, *rows = csv.reader(io.StringIO((tmp_path / "t.csv").read_text(encoding="utf-8")))
        assert head == list(frame.columns)
        assert len(rows) == len(frame)
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert value.frame().equals(value.frame(tables[0]))


def test_how_shapes_and_lists_stand_in_a_csv(tmp_path):
    NETWORK.graph.to_csv(tmp_path / "g.csv")
    head, first, *_ = csv.reader(io.StringIO((tmp_path / "g.csv").read_text(encoding="utf-8")))
    row = dict(zip(head, first, strict=True))
    assert (row["inputs"], row["shape"]) == ("input", "32x112x112")
    assert "kernel=3x3 stride=2x2" in row["attrs"]
    AUDIT.to_csv(tmp_path / "a.csv", by="operator")
    head, first, *_ = csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8")))
    row = dict(zip(head, first, strict=True))
    assert (row["inputs"], row["takes"], row["shapes"]) == ("'-1", "2x3x8x8 8x3x3x3 8", "2x8x6x6")


def test_frames_add_up():
    total = archlab.cost(NETWORK)
    for by in ("stage", "block", "part", "op"):
        assert NETWORK.frame(by)["macs"].sum() == total.macs
    assert NETWORK.graph.frame()["params"].sum() == total.params
    assert list(RESULT.frame()["state"]) == [trial.state for trial in RESULT.trials]
    assert set(RESULT.frame()["draw.stage1.k"]) == {3}
    assert list(RESULT.frame("finalist")["name"]) == ["=f<b>[/x]"]


def test_an_audits_csv_is_the_commands(tmp_path):
    AUDIT.to_csv(tmp_path / "a.csv")
    head, *rows = csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8")))
    assert head[:3] == ["model", "level", "name"]
    assert [row[1] for row in rows] == ["model", "module", "module", "operator", "operator"]


@pytest.mark.parametrize("path", [None, 3, "no/such/folder/page.html"])
def test_a_path_that_cannot_be_written_is_refused_in_words(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for write in (NETWORK.to_html, NETWORK.to_csv):
        with pytest.raises(archlab.InputError, match=r"is no path|cannot write"):
            write(path)


def test_printing_never_fails_for_want_of_characters_and_imports_nothing_before():
    program = (
        "import sys, archlab\n"
        "network = archlab.elaborate('mobilenet_v1')\n"
        "repr(network), repr(network.graph), repr(archlab.load('mobilenet_v1'))\n"
        "early = [name for name in ('rich', 'pandas', 'torch', 'jinja2') if name in sys.modules]\n"
        "print(network)\n"
        "assert not early, early\n"
        "assert not {'pandas', 'torch'} & set(sys.modules)\n"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    assert "total" in done.stdout
    assert done.stdout.isascii()


def test_a_graph_of_thousands_of_operators_prints_its_first():
    base = NETWORK.graph
    nodes = tuple(dataclasses.replace(base.nodes[i % 3], name=f"n{i}", inputs=("input",)) for i in range(3000))
    graph = archlab.Graph("large", (3, 8, 8), nodes)
    assert len(str(graph).splitlines()) < 60
    assert len(graph._repr_html_()) < 40_000
    assert len(graph.frame()) == 3000


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_a_value_prints_on_a_terminal_that_knows_ascii_alone(value, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    print(value)
