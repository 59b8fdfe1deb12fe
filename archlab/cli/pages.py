"""Pages that commands write: those of `archlab report` that need no file, and opening a page in the browser."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path

import click

from archlab.cli.help_text import in_group
from archlab.cli.messages import say
from archlab.errors import InputError, quote
from archlab.files import write_atomic

OWN_PAGES = ("gallery", "roi", "blocks")
"""Pages of `archlab report` that need no file."""

Tell = Callable[[str], None]
"""What gets the name of what is being drawn."""

_output = in_group("Output")
html_option = _output("--html", "html_file", type=click.Path(path_type=Path), help="Write a page: one offline file.")
open_option = _output("--open", "opened", is_flag=True, help="Open the page in the browser.")


def open_page(path: Path) -> None:
    """Open a page in the browser; where there is none, say where the page is."""
    if not webbrowser.open(path.resolve().as_uri()):
        say(f"no browser could be opened; the page is {path.resolve()}")


def write_shown(page: str, path: Path | None, name: str, opened: bool) -> None:
    """Write the page of what a command shows and open it, as its options say.

    A page that is only opened lies in a temporary folder of its own, since a browser reads it after the command ends.
    """
    target = path or Path(tempfile.mkdtemp(prefix="archlab-")) / f"{name}.html"
    write_atomic(target, page, "--html")
    if opened:
        open_page(target)


def refuse_unknown_page(name: Path) -> None:
    """Raise an InputError where ``name`` is no file, nor looks like one: a page's name that was mistyped."""
    if not name.suffix and not os.path.lexists(name):
        hint = f"name a result.json, or a page: {', '.join(OWN_PAGES)}"
        raise InputError(f"{quote(str(name))} is neither a file nor a page of its own", hint=hint)


def write_own_page(name: str, out: Path | None, tell: Tell) -> tuple[Path, ...]:
    """Write a page of ``OWN_PAGES`` to ``out``, or to its usual place, and return what was written, the page first.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    target = out or Path(f"{name}.html")
    if name == "roi":
        from archlab.report.roi_page import write_roi_page

        write_roi_page(target)
        return (target,)
    from archlab.report.blocks_page import write_blocks_page

    if name == "blocks":
        write_blocks_page(target)
        return (target,)
    from archlab.report.gallery import LINKED, write_gallery

    write_gallery(target, tell)
    linked = target.with_name(LINKED)
    if os.path.exists(linked):
        return (target,)
    write_blocks_page(linked)
    return target, linked
