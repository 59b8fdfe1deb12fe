"""Whether a path stays within some folders, all links followed."""

from __future__ import annotations

import os
from pathlib import Path


class Inside:
    """Whether a path ends within some folders; what its own folder resolves to is asked once."""

    def __init__(self, *folders: Path) -> None:
        self.folders = tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))
        self._known: dict[str, str] = {}

    def resolved(self, path: Path) -> str:
        """Return where a path leads, all links followed."""
        parent, name = os.path.split(path)
        if parent not in self._known:
            self._known[parent] = os.path.realpath(parent)
        real = os.path.join(self._known[parent], name)
        return os.path.realpath(real) if os.path.islink(real) else real

    def holds(self, real: str) -> bool:
        """Return whether what a path resolves to lies within one of the folders."""
        return any(real.startswith(folder.rstrip(os.sep) + os.sep) for folder in self.folders)
