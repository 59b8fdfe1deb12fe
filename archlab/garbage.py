"""Python's garbage collector, kept out of what is measured or makes much that lives on."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Collect no garbage: memory then lives as long as it is referred to, in every run alike.

    For the whole process, so that threads inside at once may end each other's early; that costs time alone.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
