"""The C kernels of ``native/``, compiled at first use by the machine's own C compiler and kept for the next time.

As Triton and ``torch.compile`` do. Without a compiler, or a folder to keep the result in, there is no library, and the
operators run as tensor code: the same results to rounding, more slowly.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "native"
FUNCTIONS = ("roi_pooled", "roi_chosen", "roi_spread")
# Nothing is contracted into fused operations, so that the coordinates' bits are those of the tensor code.
OPTIONS = ("-std=gnu11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fPIC", "-shared", "-pthread")
SECONDS = 120


@functools.cache
def native_library() -> ctypes.CDLL | None:
    """Return the compiled kernels; None where there is no compiler for them."""
    if sys.platform == "win32":
        return None
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), "cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    try:
        return _load(_compiled(compiler, _folder()))
    except (OSError, RuntimeError, subprocess.SubprocessError):  # RuntimeError: of a user without a home
        return None


def _folder() -> Path:
    """Return the user's own folder for compiled kernels."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "archlab" / "roi"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


def _compiled(compiler: str, folder: Path) -> Path:
    """Return the library for these sources, this compiler and this processor, compiled where it is not there yet."""
    sources = sorted(SOURCES.glob("*.[ch]"))
    parts = [compiler, *OPTIONS, _processor(), *(path.read_text(encoding="utf-8") for path in sources)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    library = folder / f"{digest}.so"
    if library.exists():
        return library
    handle, name = tempfile.mkstemp(suffix=".so", dir=folder)
    os.close(handle)
    try:
        for tuned in (("-march=native",), ()):
            command = [compiler, *OPTIONS, *tuned, "-o", name, str(SOURCES / "roi.c"), "-lm"]
            done = subprocess.run(command, check=False, capture_output=True, timeout=SECONDS)
            if done.returncode == 0:
                break
        done.check_returncode()
        # Another process may have been as quick: either file is right.
        os.replace(name, library)
    finally:
        Path(name).unlink(missing_ok=True)
    return library


def _processor() -> str:
    """Return what tells processors apart: a home folder may be shared by several."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name in FUNCTIONS:
        function = getattr(library, name)
        function.argtypes = [ctypes.c_char_p]
        function.restype = None
    return library
