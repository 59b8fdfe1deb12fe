"""Which module runs: noted around every call, without hooks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from archlab.audit.tracing.recording import OTHER_THREADS, Recording
from archlab.audit.tracing.surroundings import replaced


def module_names(model: nn.Module) -> dict[int, str]:
    """Return the path of every module by its identity; the first where it stands at several."""
    return {id(module): name for name, module in model.named_modules()}


@contextlib.contextmanager
def modules_followed(
    names: dict[int, str], recording: Recording, moved: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Note which module runs, without hooks: modules with hooks of their own keep them, and in their order.

    Args:
        names: the paths of the modules, by identity.
        recording: where it is noted.
        moved: called whenever another module begins to run or goes on.
    """
    original = nn.Module.__call__
    own, calls, here = recording.stack, recording.module_calls, threading.get_ident()

    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        path = names.get(id(self))
        is_here = threading.get_ident() == here
        if not is_here and not recording.follows_thread():
            recording.note(OTHER_THREADS)
            return original(self, *args, **kwargs)
        if path is None:
            return original(self, *args, **kwargs)
        stack = own if is_here else recording.stack
        stack.append(path)
        if is_here:
            moved()
        calls[path] = calls.get(path, 0) + 1
        try:
            return original(self, *args, **kwargs)
        except Exception:
            recording.failed_in.append(path)
            raise
        finally:
            stack.pop()
            if is_here:
                moved()

    with replaced(nn.Module, "__call__", call):
        yield
