"""Errors of what surrounds an evaluation, which say nothing about the network: a full disk, a network that is away.

An evaluation that meets one is not a failed candidate. Its trial is queued again, and the search ends: what comes next
would meet the same.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import torch
from optuna.exceptions import StorageInternalError

from archlab.errors import InputError

NUMBERS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.ESTALE,
        errno.EPIPE,
        errno.EMFILE,
        errno.ENFILE,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ENOTCONN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }
)
"""Of the system's errors: no space, a disk that fails, files used up, and connections."""

WORDS = (
    *(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)),
    "PytorchStreamWriter failed writing",
    "CUDA-capable device(s) is/are busy or unavailable",
)
"""Of errors that libraries raise in place of the system's: what their message then holds."""

SOCKET_TIMEOUTS = ("timed out", "operation timed out")
"""How the messages of Python's sockets end when they have waited in vain; other code's TimeoutError has other words."""

OTHERS_SHARE = 0.1
"""The share of a GPU's memory from which on it counts as held by others; a context of our own takes less."""


class OutsideError(InputError):
    """An evaluation met an error that is not the network's; its trial is to be queued again."""


def find_outside_error(error: BaseException) -> BaseException | None:
    """Return what in an error, its causes and what it was raised at is not the network's fault; None where all is.

    MemoryError is the network's: a large one needs much. Where the machine has none for any network, three in a row end
    the search as well.
    """
    return next((each for each in _chain(error) if _is_outside(each)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]
            waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def _is_outside(error: BaseException) -> bool:
    words = _words(error)
    match error:
        case ConnectionError() | socket.gaierror() | StorageInternalError():
            return True
        case TimeoutError():
            return error.errno in NUMBERS or words.endswith(SOCKET_TIMEOUTS)
        case OSError() if error.errno is not None:
            return error.errno in NUMBERS
        case RuntimeError() if isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in words:
            return _is_gpu_shared()
    return isinstance(error, Exception) and any(part in words for part in WORDS)


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a class of the user's may do anything
        return ""


def _is_gpu_shared() -> bool:
    """Return whether other processes hold memory of this process's GPU."""
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:
        return True  # there is not even room for a context
    return held_by_others(free, total, torch.cuda.memory_reserved())


def held_by_others(free: int, total: int, ours: int) -> bool:
    """Return whether the memory of a GPU is held by others to a share that matters.

    >>> held_by_others(free=1 << 30, total=80 << 30, ours=78 << 30)
    False
    >>> held_by_others(free=1 << 30, total=80 << 30, ours=30 << 30)
    True
    """
    return total - free - ours > OTHERS_SHARE * total
