"""What stands on a page, and running it: its fenced blocks, its commands, its files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[1]


class Block(NamedTuple):
    """A fenced block: its language, the word behind it (a file's name, or what the block needs), its text."""

    language: str
    word: str
    body: str


def page(name: str) -> str:
    """Return the text of a page, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [Block(*found) for found in re.findall(r"^```(\w*)(?: +(\S+))?\n(.*?)^```$", text, re.M | re.S)]


def commands(text: str, word: str = "") -> list[str]:
    """Return the commands of the ``sh`` blocks with this word, without comments."""
    joined = "\n".join(block.body for block in blocks(text) if block.language == "sh" and block.word == word)
    lines = joined.replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := re.split(r"(?:^|\s)#", line)[0].strip())]


def write_files(text: str, folder: Path) -> None:
    """Write each block that has a file's name to ``folder``."""
    for block in blocks(text):
        if "." in block.word:
            (folder / block.word).write_text(block.body, encoding="utf-8")


def draw_photos(folder: Path, of_class: int = 12) -> None:
    """Make a folder of class folders with squares in three colours."""
    for name, colour in {"blue": (40, 60, 220), "green": (40, 200, 60), "red": (220, 50, 40)}.items():
        (folder / name).mkdir(parents=True)
        for number in range(of_class):
            image = Image.new("RGB", (32, 32), (128, 128, 128))
            image.paste(colour, (number, number, number + 14, number + 14))
            image.save(folder / name / f"{number:02}.png")


def run(command: list[str], folder: Path) -> str:
    """Run a command with this interpreter's programs in ``folder``, and return what it prints."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout
