"""Write the reference of the public API as HTML: ``python -m tools.api out/api``, or ``make docs``.

pdoc looks for names in a module's dictionary; those that ``archlab`` imports lazily are put there first.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import archlab
import archlab.detect
import archlab.roi
import archlab.score


def write_api(folder: Path) -> None:
    """Write a page for each public package to ``folder``; a name or docstring that pdoc cannot read is an error."""
    for package in (archlab, archlab.detect, archlab.roi, archlab.score, archlab.train):
        for name in package.__all__:
            setattr(package, name, getattr(package, name))
    pdoc.render.configure(docformat="google", footer_text=f"archlab {archlab.__version__}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # Annotations that hold for type checkers alone, such as nx.DiGraph[str], are shown as they are written.
        warnings.filterwarnings("ignore", "Error parsing type annotation", UserWarning)
        # Without the internal modules whose names are those of functions, such as archlab.search.
        pdoc.pdoc("archlab", r"!archlab\.(?!(detect|roi|score|train)$)", output_directory=folder)


if __name__ == "__main__":
    write_api(Path(sys.argv[1]))
