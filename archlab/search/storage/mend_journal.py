"""A journal's torn records cut out of it, with a copy of the file as it was."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from archlab.files import write_atomic
from archlab.search.storage.journal import locked, pieces_in
from archlab.search.storage.journal_records import Piece, lost_creations


@dataclass(frozen=True, slots=True)
class Tear:
    """Bytes of a journal that are no whole record.

    Attributes:
        line: counted from 1; ``length`` is in bytes.
        begins: how they begin.
        is_creation: whether they are of a trial's creation that records behind them speak of; it is put in their place.
    """

    line: int
    length: int
    begins: str
    is_creation: bool


def tears_in(path: Path) -> tuple[Tear, ...]:
    """Return the torn records of a journal.

    Raises:
        ValueError: the file is no journal.
    """
    pieces = list(pieces_in(path))
    lost = lost_creations(pieces)
    return tuple(
        Tear(piece.line, piece.end - piece.start, piece.text[:60], piece.start in lost)
        for piece in pieces
        if piece.record is None
    )


def cut_out_tears(path: Path) -> Path:
    """Rewrite a journal without its torn records, in one step; return where it lies as it was.

    Raises:
        InputError: it cannot be written; it is then as it was.
        OSError: the copy cannot be made.
    """
    with locked(path):
        pieces = list(pieces_in(path))
        data, lost = path.read_bytes(), lost_creations(pieces)
        lines = []
        for piece in pieces:
            if piece.record is not None:
                lines.append(data[piece.start : piece.end].strip() + b"\n")
            elif piece.start in lost:
                lines.append(json.dumps(lost[piece.start], separators=(",", ":")).encode() + b"\n")
        backup = _copy(path)
        mode = path.stat().st_mode
        write_atomic(path, b"".join(lines))
        path.chmod(mode)
    return backup


def orphans_in(pieces: list[Piece]) -> int:
    """Count the whole records of studies and trials that no record creates."""
    lost = lost_creations(pieces)
    names: list[str] = []
    trials = count = 0
    for piece in pieces:
        record = lost.get(piece.start) if piece.record is None else piece.record
        if record is None:
            continue
        if record["op_code"] == 0:
            names += [] if record["study_name"] in names else [record["study_name"]]
        elif record.get("study_id", -1) >= len(names) or record.get("trial_id", -1) >= trials:
            count += 1
        elif record["op_code"] == 4:
            trials += 1
    return count


def _copy(path: Path) -> Path:
    """Keep the file as it is under a name of its own: the same bytes, without taking space where that is possible."""
    number = 1
    while (backup := path.with_name(f"{path.name}.torn-{number}")).exists():
        number += 1
    try:
        os.link(path, backup)
    except OSError:
        shutil.copy2(path, backup)
    return backup
