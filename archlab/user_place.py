"""Where in a user's code an error was raised."""

from __future__ import annotations

import linecache
import os
import traceback

from archlab.errors import Place


def place_of(error: BaseException) -> Place | None:
    """Return where a user's code ended: the line that is no Python, or the last one that ran; None where none did."""
    if isinstance(error, SyntaxError) and error.filename:
        return Place(error.filename, error.lineno or 1, error.offset or 1, (error.text or "").rstrip("\n"))
    frames = frames_of(error)
    if not frames:
        return None
    # What a library raised is explained best by the user's line that called it.
    ours = os.path.join(os.path.dirname(__file__), "")
    outside = [frame for frame in frames if "site-packages" not in frame.filename]
    own = [frame for frame in outside if not frame.filename.startswith(ours)] or outside or frames
    last, number = own[-1], own[-1].lineno or 1
    return Place(last.filename, number, (last.colno or 0) + 1, linecache.getline(last.filename, number).rstrip("\n"))


def frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of code that is neither the loader's nor the import system's nor Python's own."""
    library = os.path.dirname(os.__file__)
    loader = [os.path.join(os.path.dirname(__file__), f"user_{name}.py") for name in ("code", "effects", "prints")]
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in loader
        and not frame.filename.startswith("<frozen")
        and (not frame.filename.startswith(library) or "site-packages" in frame.filename)
    ]
