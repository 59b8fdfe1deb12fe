"""A journal file that is mended at every append, and read in spite of a tear: Optuna's journal, with a file of our own.

Optuna's own file refuses a study for one line that is no record. Here whoever appends looks at the end first, under
the lock; what a full disk cuts off is taken back by the writer that saw it; and a reader takes from each line what is
whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from optuna.storages.journal import BaseJournalBackend

from archlab.search.storage.journal_records import Piece, Record, begins_like_a_journal, lost_creations, split_line

_BLOCK = 1 << 16


class _Place(NamedTuple):
    """Where in the file the next record is looked for."""

    offset: int
    line: int


_BEGIN = _Place(0, 1)
_Line = tuple[bytes, int, int]  # with the place of its first byte, and its number


class JournalFile(BaseJournalBackend):
    """The records of a journal in a file.

    Args:
        path: is made where it is not there.
        note: called with a sentence for each tear, once.

    Raises:
        ValueError: the file is no journal; it is then left as it is.
        OSError: it cannot be read or made.
    """

    def __init__(self, path: Path, note: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._note = note
        self._noted: set[int] = set()
        self._inode = 0
        self._places = {0: _BEGIN}
        self._lost: dict[int, Record] = {}
        if not path.exists():
            path.open("ab").close()
        _refuse_other_files(path)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records: all of them, or on an error none.

        Raises:
            OSError: the disk is full, or the file is away.
        """
        data = b"".join(json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs)
        with locked(self._path):
            file = os.open(self._path, os.O_RDWR | os.O_APPEND)
            try:
                end, separator = self._mend(file)
                _write_whole(file, separator + data, end)
                os.fsync(file)
            finally:
                os.close(file)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the whole records from number ``log_number_from`` on, as far as they are there."""
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            number, place = log_number_from, self._places.get(log_number_from)
            if place is None or status.st_ino != self._inode or status.st_size < place.offset:
                # Read for the first time, or mended by `archlab study check`, which keeps the order of records.
                number, place, self._inode, self._lost = 0, _BEGIN, status.st_ino, {}
            self._places = {number: place}
            for piece, after in self._pieces(file.fileno(), place):
                record = piece.record if piece.record is not None else self._lost.get(piece.start)
                if piece.record is None:
                    self._tell(piece)
                if record is None:
                    continue
                number += 1
                self._places[number] = after
                if number > log_number_from:
                    yield record

    def _pieces(self, file: int, place: _Place) -> Iterator[tuple[Piece, _Place]]:
        """Yield the pieces of the lines from ``place`` on that have ended, each with the place behind it."""
        for line in _lines(file, place):
            pieces = split_line(*line)
            if all(piece.record is not None for piece in pieces):
                yield from _with_places(pieces, line)
                continue
            # The end of the file may have been mended between two looks at it. Under the lock nobody writes.
            with locked(self._path):
                rest = [(split_line(*read), read) for read in _lines(file, _Place(*line[1:]))]
                if place == _BEGIN:
                    self._lost = lost_creations(each for read in _lines(file, _BEGIN) for each in split_line(*read))
            for pieces, read in rest:
                yield from _with_places(pieces, read)
            return

    def _mend(self, file: int) -> tuple[int, bytes]:
        """Cut off what a dead process left of a record; return where to write, and what has to come before it."""
        end = os.fstat(file).st_size
        if end == 0 or os.pread(file, 1, end - 1) == b"\n":
            return end, b""
        start = _start_of_last_line(file, end)
        pieces = split_line(os.pread(file, end - start, start), start, 0)
        whole = [piece.end for piece in pieces if piece.record is not None]
        keep = whole[-1] if whole else start
        torn = sum(piece.end - piece.start for piece in pieces if piece.start >= keep)
        os.ftruncate(file, keep)
        if torn:
            self._say(f"the end of {self._path} was {torn} bytes of a record whose writing did not end: cut off")
        return keep, b"\n" if whole else b""

    def _tell(self, piece: Piece) -> None:
        if piece.start not in self._noted:
            self._noted.add(piece.start)
            self._say(
                f"line {piece.line} of {self._path} has {piece.end - piece.start} bytes of a torn record, which are "
                f"skipped; `archlab study check {self._path}` cuts them out"
            )

    def _say(self, words: str) -> None:
        if self._note is not None:
            self._note(words)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a journal, which the system releases when its process dies: ``kill -9`` leaves none behind."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def pieces_in(path: Path) -> Iterator[Piece]:
    """Yield all that is in a journal, also what has no end of line yet.

    Raises:
        ValueError: the file is no journal, or of a later version.
    """
    _refuse_other_files(path)
    with path.open("rb") as file:
        line, start = 1, 0
        for read, start, line in _lines(file.fileno(), _BEGIN):
            yield from split_line(read, start, line)
            start += len(read)
            line += 1
        end = os.fstat(file.fileno()).st_size
        if start < end:
            yield from split_line(os.pread(file.fileno(), end - start, start), start, line)


def _with_places(pieces: list[Piece], line: _Line) -> Iterator[tuple[Piece, _Place]]:
    text, start, number = line
    for piece in pieces:
        is_last = piece is pieces[-1]
        yield piece, _Place(start + len(text), number + 1) if is_last else _Place(piece.end, number)


def _lines(file: int, place: _Place) -> Iterator[_Line]:
    """Yield each line that has ended, with its first byte's place and its number."""
    offset, number = place
    rest = b""
    while block := os.pread(file, max(_BLOCK, len(rest)), offset + len(rest)):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n", offset, number
            offset += len(line) + 1
            number += 1


def _start_of_last_line(file: int, end: int) -> int:
    start = end
    while start > 0:
        first = max(0, start - _BLOCK)
        newline = os.pread(file, start - first, first).rfind(b"\n")
        if newline >= 0:
            return first + newline + 1
        start = first
    return 0


def _write_whole(file: int, data: bytes, end: int) -> None:
    """Write ``data`` at the end of the file, which is at ``end``: the whole, or nothing."""
    left = data
    try:
        while left:
            left = left[os.write(file, left) :]
    except BaseException:
        # What is whole others may have read already: it stays.
        if os.fstat(file).st_size < end + len(data):
            with contextlib.suppress(OSError):  # if not even that can be done, the next to append does it
                os.ftruncate(file, end)
        raise


def _refuse_other_files(path: Path) -> None:
    """Raise ``ValueError`` for a file that is no journal: most of its lines are no records, or it has none."""
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        if not head or (b"\n" not in head and begins_like_a_journal(head.rstrip(b"\0"))):
            return
        first = head[: head.find(b"\n") + 1]
        if first and any(piece.record is not None for piece in split_line(first, 0, 1)):
            return
        whole = torn = 0
        for read in _lines(file.fileno(), _BEGIN):
            pieces = split_line(*read)
            is_whole = any(piece.record is not None for piece in pieces)
            whole, torn = whole + is_whole, torn + (bool(pieces) and not is_whole)
        if whole == 0 or whole < torn:
            raise ValueError(f"{whole or 'none'} of its {whole + torn} lines are records of a journal")
