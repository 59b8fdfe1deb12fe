"""Work that a forward gives to other threads is counted with it: a dispatch mode sees its own thread alone.

Followed is what goes to pools, whenever these were made, and to threads that the forward starts. What else ran
elsewhere, such as what a worker takes from a queue of its own, is not seen, and a note says so.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from archlab.audit.tracing.recording import OTHER_THREADS, Recording
from archlab.audit.tracing.surroundings import replaced
from archlab.audit.tracing.tracer import Tracer

Guard = Callable[[], contextlib.AbstractContextManager[Any]]
"""Opens what is set for one thread alone, such as whether it makes gradients."""

_POOLS = ("concurrent.futures.thread", "multiprocessing.pool")
"""Whose threads are followed by what they are given, since they outlive the forward."""
_POOL_METHODS = ("apply_async", "_map_async", "imap", "imap_unordered")


class _Elsewhere(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hand the operators of another thread to the tracer, while its pass lasts."""

    supports_higher_order_operators = True

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tracer = tracer

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self._tracer.is_over:
            return func(*args, **(kwargs or {}))
        return self._tracer.__torch_dispatch__(func, types, args, kwargs)


@contextlib.contextmanager
def threads_followed(tracer: Tracer, recording: Recording, guard: Guard) -> Iterator[None]:
    """Follow what this thread gives to others; in these it stands in the module that gave it to them."""

    def followed(function: Callable[..., Any]) -> Callable[..., Any]:
        if tracer.is_over or tracer.is_busy():  # in an operator's own code, which is counted as that operator
            return function
        path = recording.stack[-1]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with contextlib.ExitStack() as stack:
                if not tracer.is_over and recording.enter_thread(path):
                    stack.callback(recording.leave_thread)
                    stack.enter_context(guard())
                    stack.enter_context(_Elsewhere(tracer))
                return function(*args, **kwargs)

        return run

    if threading.active_count() > 1:
        tracer.others_worked = _work_of_others()
    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced(ThreadPoolExecutor, "submit", _submit(followed)))
        stack.enter_context(replaced(threading.Thread, "start", _start(followed, recording)))
        pools: Any = sys.modules.get("multiprocessing.pool")
        for name in _POOL_METHODS if pools is not None else ():
            stack.enter_context(replaced(pools.Pool, name, _pooled(getattr(pools.Pool, name), pools, followed)))
        try:
            yield
        finally:
            tracer.is_over = True


def _work_of_others() -> Callable[[], bool]:
    """Return what tells whether threads that are here now have used the processor since."""
    before = _seconds_of_others()
    return lambda: any(seconds != before.get(ident) for ident, seconds in _seconds_of_others().items())


def _seconds_of_others() -> dict[int, float]:
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    found: dict[int, float] = {}
    for thread in threading.enumerate():
        if thread.ident not in (None, threading.get_ident()) and clock_of is not None:
            with contextlib.suppress(OSError):  # it has just ended
                found[thread.ident] = time.clock_gettime(clock_of(thread.ident))
    return found


Follow = Callable[[Callable[..., Any]], Callable[..., Any]]


def _submit(followed: Follow) -> Callable[..., Any]:
    original: Any = ThreadPoolExecutor.submit

    @functools.wraps(original)
    def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return original(self, followed(fn), *args, **kwargs)

    return submit


def _start(followed: Follow, recording: Recording) -> Callable[..., Any]:
    original = threading.Thread.start

    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        home = getattr(getattr(self, "_target", None), "__module__", "")
        if home not in _POOLS:
            if self.daemon:  # it may outlive the forward, and what is set for it would stay
                recording.note(OTHER_THREADS)
            else:
                self.run = followed(self.run)  # type: ignore[method-assign]
        original(self)

    return start


def _pooled(original: Callable[..., Any], pools: Any, followed: Follow) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return original(self, followed(func) if isinstance(self, pools.ThreadPool) else func, *args, **kwargs)

    return method
