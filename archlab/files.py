"""Writing files so that a reader finds the whole new text or the whole old one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from pathlib import Path

from archlab.errors import InputError

_WAYS_OUT = {
    errno.ENOENT: "make the folder first, or name another",
    errno.EACCES: "name a folder that you may write to",
    errno.EPERM: "name a folder that you may write to",
    errno.EROFS: "name a folder that you may write to",
    errno.ENOSPC: "free some space, or name a folder on another disk",
    errno.EDQUOT: "free some space, or name a folder on another disk",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of the path is a file; name a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def write_atomic(path: Path, content: str | bytes, option: str = "--out") -> None:
    """Write ``content``, text as UTF-8, to a temporary file in the same folder, then rename it to ``path``.

    What UTF-8 cannot hold (half of a surrogate pair, as crafted JSON can spell) becomes a question mark.

    Args:
        option: what named the file on a command line, for the message.

    Raises:
        InputError: the file cannot be written; an older one at ``path`` is then as it was, and nothing else is left.
    """
    # Not tempfile: its files are private to the user, whereas a report should have the permissions of any other.
    temporary = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except (OSError, ValueError) as error:  # a name can hold what no file's may: a NUL
        raise cannot_write(path, error, option) from error


def make_folder(path: Path) -> None:
    """Makes a folder to write results in, and tries it.

    Raises:
        InputError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError | ValueError, option: str = "--out") -> InputError:
    """Return the error for a file or folder that cannot be written, with the way out and the option for it."""
    if isinstance(error, ValueError):
        return InputError(f"cannot write {path}: no file can have this name", hint=f"choose another name ({option})")
    way_out = _WAYS_OUT.get(error.errno or 0, "choose another place")
    return InputError(f"cannot write {path}: {(error.strerror or str(error)).lower()}", hint=f"{way_out} ({option})")
