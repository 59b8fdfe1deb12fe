"""Make the pictures in docs/: ``python -m tools.pictures``, or with names, ``python -m tools.pictures gallery``.

Each is what a browser shows of a page that a command makes. ``detection`` is made where ``--cells FOLDER`` names BCCD
(github.com/Shenggan/BCCD_Dataset, MIT) in COCO's format, as ``docs/detection.md`` says.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Picture:
    """What a picture is of.

    Attributes:
        command: makes the page; it is run in an empty folder, in which ``cells`` is the data where there is some.
        page: the file that the command writes.
        part: what of the page is shown, by a selector; without it the page from its top.
        width: of the window, in pixels.
        height: how far down a page is shown.
    """

    command: str
    page: str
    part: str = ""
    width: int = 1280
    height: int = 1000


PICTURES = {
    "report": Picture(
        "archlab search mobile --budget macs=300M --budget params=3.4M --trials 60 --seed 0 --out out/mobile",
        "out/mobile/report.html",
        width=1100,
        height=1400,
    ),
    "gallery": Picture("archlab report gallery --out gallery.html", "gallery.html", part="#accuracy svg"),
    "detection": Picture(
        "archlab search detection --data cells --input 3x96x128 --trials 12 --top 1 --train-top 1",
        "out/detection/report.html",
        part="#detection",
    ),
}
NEEDS_CELLS = "detection"


def make_page(picture: Picture, folder: Path) -> Path:
    """Run the picture's command in ``folder`` and return the page that it wrote.

    Raises:
        subprocess.CalledProcessError: the command failed; it has said why.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(picture.command.split(), cwd=folder, env={**os.environ, "PATH": programs}, check=True, stdout=2)
    return folder / picture.page


def photograph(page: Path, picture: Picture, to: Path) -> None:
    """Write what a browser shows of ``page`` as PNG.

    Raises:
        FileNotFoundError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        window = browser.new_page(viewport={"width": picture.width, "height": 900}, color_scheme="light")
        window.goto(page.resolve().as_uri())
        if picture.part:
            window.locator(picture.part).first.screenshot(path=to)
        else:
            shown = {"x": 0, "y": 0, "width": picture.width, "height": picture.height}
            window.screenshot(path=to, full_page=True, clip=shown)  # type: ignore[arg-type]
        browser.close()


def main() -> None:
    """Make the pictures that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PICTURES)} (default: all that can be made)")
    parser.add_argument("--cells", type=Path, metavar="FOLDER", help=f"BCCD, which {NEEDS_CELLS} needs")
    options = parser.parse_args()
    names = options.names or [name for name in PICTURES if name != NEEDS_CELLS or options.cells]
    for name in names:
        if name not in PICTURES:
            parser.error(f"there is no picture {name}: there are {', '.join(PICTURES)}")
    if NEEDS_CELLS in names and options.cells is None:
        parser.error(f"{NEEDS_CELLS} needs --cells FOLDER")
    for name in names:
        with tempfile.TemporaryDirectory() as made:
            if name == NEEDS_CELLS:
                (Path(made) / "cells").symlink_to(options.cells.resolve())
            photograph(make_page(PICTURES[name], Path(made)), PICTURES[name], DOCS / f"{name}.png")
        print(DOCS / f"{name}.png")


if __name__ == "__main__":
    main()
