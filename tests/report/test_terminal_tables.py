"""Tables for the terminal."""

from __future__ import annotations

import pytest
from rich.console import Console

from archlab.report.terminal_tables import fit_table

COLUMNS = {
    "network": ["detection_17"],
    "level_entropy": ["7.3109"],
    "MACs": ["18.63 M"],
    "activations": ["184.1 k"],
    "memory": ["440.0 KiB"],
}


@pytest.mark.parametrize(
    ("width", "left_out"), [(160, set()), (60, {"activations"}), (48, {"activations", "memory"})]
)  # fmt: skip
def test_a_narrow_terminal_gets_fewer_columns_and_whole_cells(width, left_out):
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(fit_table(console, COLUMNS, ("activations", "memory"), "best"))
    text = captured.get()
    for head, cells in COLUMNS.items():
        assert ((head in text) and (cells[0] in text)) == (head not in left_out)
    assert "…" not in text
