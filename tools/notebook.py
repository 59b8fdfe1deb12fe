"""Run a notebook in a folder and keep what its cells show: ``python -m tools.notebook examples/walk_through.ipynb``.

It is run in an empty folder, so that what is shown is what a first run shows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600
"""After which a cell hangs."""


def run_notebook(path: Path, folder: Path) -> Any:
    """Return the notebook at ``path`` with what its cells show when they are run in ``folder``.

    Raises:
        CellExecutionError: a cell raised; the message has the cell and the traceback.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    places = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(place for place in places if place),
        "PYTHONWARNINGS": "ignore",  # such as tqdm's that there are no widgets here
    }
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it was run
    return notebook


def main(path: Path) -> None:
    """Run the notebook and write it with what its cells show."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = run_notebook(path, Path(folder))
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
