"""Print the layers of the whole and of single rooms, from the import contracts: ``python -m tools.layers``.

A layer imports from those below it alone. ``--write PAGE`` puts the whole's picture between the two marks of a page.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
BEGIN, END = "<!-- layers: make layers -->\n", "<!-- end of layers -->"


def picture(contracts: Sequence[dict[str, Any]]) -> str:
    """Return a fenced block with one box for each layered package, the highest layer first.

    >>> print(picture([{"type": "layers", "containers": ["p"], "layers": ["(a)", "b | (c)"]}]))
    ```text
    p
    ├─ a
    └─ b │ c
    ```
    <BLANKLINE>
    """
    lines: list[str] = []
    for contract in contracts:
        if contract["type"] == "layers":
            rows = [" │ ".join(re.findall(r"[\w.]+", layer)) for layer in contract["layers"]]
            names = ", ".join(contract.get("containers", ()))
            lines += ["", names, *(f"├─ {row}" for row in rows[:-1]), f"└─ {rows[-1]}"]
    return "\n".join(["```text", *lines[1:], "```", ""])


def read_contracts() -> list[dict[str, Any]]:
    """Return import-linter's contracts, in the order of pyproject.toml."""
    contracts: list[dict[str, Any]] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return contracts


def with_picture(page: str) -> str:
    """Return the page with today's picture of the whole between its marks.

    Raises:
        ValueError: the page does not have both marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the marks {BEGIN.strip()} and {END}")
    whole = [contract for contract in read_contracts() if contract.get("containers") == ["archlab"]]
    return f"{before}{begin}{picture(whole)}{end}{after}"


def main(arguments: Sequence[str]) -> None:
    """Print the picture, or write it into a page."""
    if len(arguments) == 2 and arguments[0] == "--write":
        path = Path(arguments[1])
        path.write_text(with_picture(path.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(picture(read_contracts()))


if __name__ == "__main__":
    main(sys.argv[1:])
