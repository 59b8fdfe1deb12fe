"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from archlab.errors import InputError


def write_atomic(path: Path, content: str | bytes) -> None:
    """Writes ``content``, text as UTF-8, to a temporary file beside ``path`` and renames it, so that no reader sees a part.

    Raises:
        InputError: the folder cannot be written to or the disk is full; what was at ``path`` before is still there.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise cannot_write(path, error) from error


def make_folder(path: Path) -> None:
    """Makes a folder to write results in, and tries it.

    Raises:
        InputError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> InputError:
    """The error for a file or folder that cannot be written, with the way out."""
    return InputError(
        f"cannot write {path}: {(error.strerror or str(error)).lower()}",
        hint="free some space, or choose another folder with --out",
    )
