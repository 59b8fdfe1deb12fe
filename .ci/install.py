"""Install archlab and all that `make test` needs into this interpreter's environment, and say how it goes.

    .venv/bin/python .ci/install.py

pip says nothing while it fetches a large file or unpacks, which is most of the time; so this counts the packages that
are in place every few seconds. It needs nothing but the standard library.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-color", "--progress-bar", "off")
WANTED = ("-c", "constraints.txt", "-e", ".[dev,zoo,onnx,detect]")
NEWS = re.compile(r"\s*(Obtaining|Collecting|Downloading|Processing|Building|Installing|ERROR)(?!.*: finished)")
EVERY = 5.0
"""Seconds between two counts."""


def install(command: Sequence[str] = (*PIP, *WANTED), every: float = EVERY) -> int:
    """Run ``command``, print its news and a count of packages to standard error, and return its exit code."""
    began, done, last = time.monotonic(), threading.Event(), ["starting pip"]
    total = len((ROOT / "constraints.txt").read_text(encoding="utf-8").split())

    def count() -> None:
        while not done.wait(every):
            _say(f"  {time.monotonic() - began:.0f} s, {_in_place()} of about {total} packages in place: {last[0]}")

    counting = threading.Thread(target=count)
    counting.start()
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as pip:
            assert pip.stdout is not None
            for line in pip.stdout:
                if NEWS.match(line):
                    last[0] = _short(line)
                    _say(f"  {last[0]}")
    finally:
        done.set()
        counting.join()
    return pip.returncode


def _short(line: str) -> str:
    """Return a line of pip's without the list of all packages, where a file lies, or who wants it."""
    words = re.sub(r" \(from .*\)|(?<=Processing )\S*/|: .*", "", line.strip())
    return words if len(words) <= 100 else words[:99] + "…"


def _in_place() -> int:
    return len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(install())
