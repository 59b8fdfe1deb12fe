"""What is the network's fault and what is not."""

from __future__ import annotations

import errno
import os
import socket
import urllib.error

import pytest
import torch
from optuna.exceptions import StorageInternalError

from archlab.search.study import outside_errors
from archlab.search.study.outside_errors import find_outside_error

OUTSIDE = [
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights.pt"),
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    OSError(errno.EIO, os.strerror(errno.EIO)),
    BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)),
    ConnectionResetError("by peer"),
    ConnectionError("away"),
    TimeoutError("timed out"),
    TimeoutError("The read operation timed out"),
    TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)),
    socket.gaierror(-2, "Name or service not known"),
    StorageInternalError("the database"),
    RuntimeError("unable to write to file </torch_1>: No space left on device (28)"),
    RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed writing file data/1"),
    ExceptionGroup("two", [ValueError("a"), OSError(errno.ENOSPC, "full")]),
]
OURS = [
    ValueError("a mistake"),
    FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)),
    PermissionError(errno.EACCES, os.strerror(errno.EACCES)),
    TimeoutError("no convergence in 100 epochs"),
    TimeoutError(),
    OSError("in words"),
    MemoryError(),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    SystemExit(0),
    KeyboardInterrupt(),
    urllib.error.URLError("unknown url type"),
]


def named(error):
    return f"{type(error).__name__}-{error}"[:40]


@pytest.mark.parametrize("error", OUTSIDE, ids=named)
def test_it_is_found_itself_as_a_cause_and_as_what_was_being_handled(error):
    found = find_outside_error(error)
    assert found is error or found in getattr(error, "exceptions", ())

    def as_cause():
        raise RuntimeError("training failed") from error

    def while_handled():
        try:
            raise error
        except BaseException:
            raise RuntimeError("cleaning up failed") from None

    for raise_it in (as_cause, while_handled):
        with pytest.raises(RuntimeError) as raised:
            raise_it()
        assert find_outside_error(raised.value) is not None


@pytest.mark.parametrize("error", OURS, ids=named)
def test_the_rest_is_the_networks(error):
    assert find_outside_error(error) is None


def test_causes_in_a_circle_end():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert find_outside_error(first) is None


def test_an_error_that_cannot_be_printed_is_no_trouble():
    class BrokenError(RuntimeError):
        def __str__(self):
            raise ValueError

    assert find_outside_error(BrokenError()) is None


@pytest.mark.parametrize(("free", "ours", "outside"), [(1, 75, False), (1, 30, True), (0, 0, True), (40, 40, False)])
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: out of memory")], ids=named
)
def test_a_gpu_without_memory_is_the_networks_unless_others_hold_it(monkeypatch, error, free, ours, outside):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free << 30, 80 << 30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: ours << 30)
    assert (find_outside_error(error) is not None) == outside


def test_a_gpu_without_room_for_a_context_is_held_by_others(monkeypatch):
    def refuse():
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.cuda, "mem_get_info", refuse)
    assert outside_errors.find_outside_error(torch.OutOfMemoryError("CUDA out of memory")) is not None
