"""What the tests of the example need: squares in its format, and that none sees the photographs of another."""

from __future__ import annotations

import random
import sys

import pytest
from PIL import Image, ImageDraw

from tests.examples.sign_digits import COLOURS, run


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """A folder with a folder of squares for each colour, in sizes of their own, split by the example's script."""
    folder = tmp_path_factory.mktemp("squares")
    rng = random.Random(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir()
        for number in range(20):
            image = Image.new("RGB", (rng.randint(16, 40), rng.randint(16, 40)), (128, 128, 128))
            left, top = rng.randint(0, 6), rng.randint(0, 6)
            ImageDraw.Draw(image).rectangle((left, top, left + 8, top + 8), fill=colour)
            image.save(folder / name / f"{number:02}.png")
    run("split.py", str(folder))
    return folder


@pytest.fixture(autouse=True)
def unloaded(monkeypatch):
    """No test sees the photographs of another: the example reads them while it is loaded."""
    for name in [name for name in sys.modules if name.startswith("archlab.user_code.")]:
        monkeypatch.delitem(sys.modules, name)
