"""The notebook runs from its first cell to its last, in a minute, and shows what it showed when it was written."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.lacking import lacking

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "walk_through.ipynb"
EXACT = "exact"
"""The tag of a cell that shows the same on every machine."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The notebook as it stands, as it is after it was run in an empty folder, and that folder."""
    if not all(map(importlib.util.find_spec, ("nbclient", "nbformat", "ipykernel"))):
        lacking("no nbclient, nbformat or ipykernel")
    import nbformat

    from tools.notebook import run_notebook

    folder = tmp_path_factory.mktemp("notebook")
    return nbformat.read(NOTEBOOK, as_version=4), run_notebook(NOTEBOOK, folder), folder


def text_of(cell) -> str:
    """What a cell shows as text, without what it says on standard error."""
    shown = [output for output in cell.get("outputs", ()) if output.get("name") != "stderr"]
    return "".join(output["text"] if "text" in output else output["data"]["text/plain"] for output in shown)


@pytest.mark.slow
def test_it_audits_lifts_searches_trains_and_exports(run):
    _, after, folder = run
    made = {str(path.relative_to(folder / "walk_through")) for path in folder.rglob("*") if path.is_file()}
    assert {"search.html", "search/result.json", "trained/weights.safetensors", "best.onnx"} <= made
    shown = [text_of(cell) for cell in after.cells if cell.cell_type == "code"]
    right = next(text for text in shown if "test images right" in text)
    assert float(right.split("%")[0]) > 60, "a guess is right in a third"
    assert float(shown[-1].split(":")[1]) < 1e-3


@pytest.mark.slow
def test_what_is_counted_is_what_the_notebook_shows(run):
    before, after, _ = run
    exact = [number for number, cell in enumerate(before.cells) if EXACT in cell.metadata.get("tags", ())]
    assert len(exact) >= 3
    for number in exact:
        assert text_of(after.cells[number]) == text_of(before.cells[number])


def test_its_cells_say_nothing_on_standard_error():
    import json

    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    said = [output for cell in cells for output in cell.get("outputs", ()) if output.get("name") == "stderr"]
    assert said == []
    assert all(cell["outputs"] or cell["execution_count"] for cell in cells if cell["cell_type"] == "code")
