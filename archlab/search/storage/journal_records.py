"""What stands in the bytes of a journal: whole records, and what is left of those whose writing did not end.

A journal of Optuna's has one record of JSON a line. A process that dies, or a disk that fills up, leaves a part of one;
whoever appends next without looking puts a whole record on the same line. So a line is taken apart, not refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]

CREATE_STUDY, DELETE_STUDY, CREATE_TRIAL = 0, 1, 4

FIELDS: dict[int, tuple[str, ...]] = {
    CREATE_STUDY: ("study_name", "directions"),
    DELETE_STUDY: ("study_id",),
    2: ("study_id", "user_attr"),
    3: ("study_id", "system_attr"),
    CREATE_TRIAL: ("study_id", "datetime_start"),
    5: ("trial_id", "param_name", "param_value_internal", "distribution"),
    6: ("trial_id", "state", "values"),
    7: ("trial_id", "step", "intermediate_value"),
    8: ("trial_id", "user_attr"),
    9: ("trial_id", "system_attr"),
    10: (),
}
"""For each operation of Optuna's journal what a record of it has, besides ``op_code`` and ``worker_id``."""

_BEGINNING = '{"op_code"'
_BLANK = " \t\r\n\0"
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line: a whole record, or torn bytes where ``record`` is None.

    Attributes:
        line: counted from 1.
        start, end: where its bytes are in the file.
        text: how torn bytes begin; empty for a record.
    """

    line: int
    start: int
    end: int
    record: Record | None
    text: str = ""


def split_line(line: bytes, start: int, number: int) -> list[Piece]:
    """Take a line of a journal apart, which begins at byte ``start``; a blank one has no pieces.

    Raises:
        ValueError: a whole record is of an operation that this version does not know.
    """
    end = start + len(line)
    try:
        text = line.decode("utf-8")
        record = _as_record(json.loads(text), number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, _UnknownOperationError):
            raise
        text, record = line.decode("utf-8", "surrogateescape"), None
    if record is not None:
        return [Piece(number, start, end, record)]
    found: list[Piece] = []
    for first, last, whole in _pieces_of(text, number):
        offset = start + len(text[:first].encode("utf-8", "surrogateescape"))
        length = len(text[first:last].encode("utf-8", "surrogateescape"))
        begins = "" if whole is not None else text[first:last].strip(_BLANK)[:400]
        found.append(Piece(number, offset, offset + length, whole, begins))
    return found


def lost_creations(pieces: Iterable[Piece]) -> dict[int, Record]:
    """Return what stands for the torn creations of trials, by where their bytes begin.

    A journal numbers trials by the order of their creation. What a dying process was writing was never numbered; but
    where bytes were lost later, records behind them speak of more trials than were created. There a creation stands
    in for the lost one, so that everything behind it is of the trial that it was of.
    """
    studies: dict[int, str] = {}
    made = created = last = 0
    began: str | None = None
    torn: list[Piece] = []
    lost: dict[int, Record] = {}
    for piece in pieces:
        record = piece.record
        if record is None:
            if re.match(r'\{"op_code": ?(?!4\b)\d', piece.text) is None:
                torn.append(piece)
        elif record["op_code"] == CREATE_STUDY:
            if record["study_name"] not in studies.values():
                studies[made] = record["study_name"]
                made += 1
        elif record["op_code"] == DELETE_STUDY:
            studies.pop(record["study_id"], None)
        elif record["op_code"] == CREATE_TRIAL:
            if record["study_id"] in studies:
                created, last, began = created + 1, record["study_id"], record["datetime_start"] or began
        elif "trial_id" in record:
            while record["trial_id"] >= created and torn:
                place = max(torn, key=lambda each: (each.text.startswith(_BEGINNING), each.start))
                torn.remove(place)
                named = re.search(r'"study_id": ?(\d+),', place.text)
                study = int(named[1]) if named and int(named[1]) in studies else last
                lost[place.start] = {"op_code": CREATE_TRIAL, "worker_id": "lost", "study_id": study,
                                     "datetime_start": began}  # fmt: skip
                created += 1
    return lost


def begins_like_a_journal(head: bytes) -> bool:
    """Return whether the bytes of a file without a whole line could be the beginning of its first record."""
    beginning = _BEGINNING.encode()
    return head.startswith(beginning) or (bool(head) and beginning.startswith(head))


class _UnknownOperationError(ValueError):
    pass


def _pieces_of(text: str, number: int) -> Iterator[tuple[int, int, Record | None]]:
    """Yield where each piece of a line begins and ends, and its record where it is one; never torn ones in a row."""
    at = 0
    while at < len(text):
        if not text[at:].strip(_BLANK):
            return
        record, end = None, at
        begin = text.find(_BEGINNING, at)
        while begin >= 0 and record is None:
            try:
                value, end = json.JSONDecoder().raw_decode(text, begin)
                record = None if _LONE.search(text, begin, end) else _as_record(value, number)
            except (json.JSONDecodeError, RecursionError):
                pass
            if record is None:
                begin = text.find(_BEGINNING, begin + 1)
        torn = text[at : len(text) if record is None else begin]
        if torn.strip(_BLANK):
            first = at + len(torn) - len(torn.lstrip(_BLANK))
            yield first, at + len(torn.rstrip(_BLANK)), None
        if record is None:
            return
        yield begin, end, record
        at = end


def _as_record(value: object, number: int) -> Record | None:
    """Return a value of JSON as a record; None where it is none.

    Raises:
        ValueError: it is one, of an unknown operation.
    """
    if not isinstance(value, dict) or not isinstance(value.get("worker_id"), str):
        return None
    code = value.get("op_code")
    if not isinstance(code, int):
        return None
    if code not in FIELDS:
        raise _UnknownOperationError(f"its line {number} is of operation {code}, which this version does not know")
    attrs = [value[key] for key in ("user_attr", "system_attr") if key in FIELDS[code] and key in value]
    whole = set(FIELDS[code]) <= set(value) and all(isinstance(a, dict) and len(a) == 1 for a in attrs)
    numbers = [value[key] for key in ("study_id", "trial_id") if key in FIELDS[code] and key in value]
    return value if whole and all(isinstance(n, int) for n in numbers) else None
