"""The program of docs/lift.md prints what the page says beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "lift.md").read_text(encoding="utf-8")


def test_the_program_runs(capsys):
    pytest.importorskip("torchvision")
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "lift.md", "exec"), {})
    *text, difference, name = capsys.readouterr().out.strip().split("\n")
    assert text[0] == "net ResNet(input=3x64x64)"
    assert (difference, name) == ("0.0", "conv1.weight")
    for said in re.findall(r"print\(lifted\.(?:difference|mapping\[.*?\])\)  # (\S+)", PAGE):
        assert said.rstrip(":") in (difference, name)
