"""Writing files so that a reader finds the whole new text or the whole old one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
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


def write_atomic(path: Path, text: str) -> None:
    """Writes ``text`` as UTF-8 to a temporary file in the same folder, then renames it to ``path``.

    What UTF-8 cannot hold (half of a surrogate pair, as crafted JSON can spell) becomes a question mark.

    Raises:
        InputError: the file cannot be written; an older one at ``path`` is then as it was, and nothing else is left.
    """
    # Not tempfile: its files are private to the user, whereas a report should have the permissions of any other.
    temporary = path.with_name(f".{secrets.token_hex(6)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}",
            hint=_WAYS_OUT.get(error.errno or 0, "name another file"),
        ) from error
