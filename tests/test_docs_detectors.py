"""docs/detectors.md says what the code does: its text elaborates, its table is the code's, its programs run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlab.elaborate import elaborate
from archlab.elaborate.hints import signature
from archlab.elaborate.language import DETECT_PARTS
from archlab.grammar import parse

PAGE = (Path(__file__).parents[1] / "docs" / "detectors.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```([\w ]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_a_detector_and_its_holes_have_the_names_that_the_page_gives():
    text = next(body for kind, body in FENCED if kind == "")
    network = elaborate(parse(text))
    assert network.detector is not None
    assert network.detector.levels == ("p2", "p3", "p4", "p5")
    named = list(re.findall(r"`(detect\.[\w.]+)`", PAGE))
    assert sorted(named) == sorted(name for name in network.draws if name.startswith("detect"))


def test_the_table_of_parts_is_the_codes():
    cells = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    written = [signature(part.name, part.params).removeprefix("it is ") for part in DETECT_PARTS.values()]
    assert cells == written


def test_its_programs_run(capsys):
    names: dict[str, object] = {}
    for kind, body in FENCED:
        if kind == "python zoo":
            pytest.importorskip("torchvision")
        if kind.startswith("python"):
            exec(compile(body, "detectors.md", "exec"), names)
    assert "p5 32 320" in capsys.readouterr().out
