"""A journal under tears: what is whole is read, what is not is named, and nobody else's file is touched."""

from __future__ import annotations

import errno
import json
import os

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from archlab.search.storage import journal
from archlab.search.storage.journal import JournalFile, pieces_in


def record(number, **more):
    return {"op_code": 2, "worker_id": "w", "study_id": 0, "user_attr": {"number": number}, **more}


def line(number):
    return json.dumps(record(number), separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.journal"


def numbers(path, note=None):
    return [each["user_attr"]["number"] for each in JournalFile(path, note).read_logs(0)]


def study_in(path, note=None):
    storage = JournalStorage(JournalFile(path, note))
    return optuna.create_study(storage=storage, study_name="s", load_if_exists=True)


def judged(path, trials=3):
    """A study of a few trials, each with a parameter, a note and a value."""
    study = study_in(path)
    for number in range(trials):
        trial = study.ask()
        trial.suggest_int("x", 0, 9)
        trial.set_user_attr("mine", number)
        study.tell(trial, float(number))
    return [(trial.number, trial.params, trial.user_attrs, trial.values) for trial in study.trials]


def test_optunas_own_file_and_ours_read_the_same(path):
    expected = judged(path)
    other_lock = JournalFileOpenLock(f"{path}.theirs")  # ours leaves its file behind, which theirs would wait for
    ours, theirs = JournalFile(path), JournalFileBackend(str(path), lock_obj=other_lock)
    assert list(ours.read_logs(0)) == list(theirs.read_logs(0))
    theirs.append_logs([record(1), record(2)])
    ours.append_logs([record(3)])
    assert list(ours.read_logs(9)) == list(theirs.read_logs(9))
    assert len(expected) == 3


@pytest.mark.parametrize(
    ("torn", "read", "said"),
    [
        (line(0) + line(1)[:20] + line(2) + line(3), [0, 2, 3], ["line 2 of {} has 20 bytes of a torn record"]),
        (line(0) + line(1)[:20] + line(2)[:30] + line(3), [0, 3], ["line 2 of {} has 50 bytes of a torn record"]),
        (line(0) + line(1)[:-1] + line(2) + line(3), [0, 1, 2, 3], []),
        (line(0) + b"\0" * 40 + line(1), [0, 1], []),
        (line(0) + line(1)[:20] + b"\0" * 40 + b"\n" + line(2), [0, 2], ["line 2 of {} has 20 bytes"]),
        (line(0) + b"\xff\xfe" + line(1)[2:] + line(2), [0, 2], [f"line 2 of {{}} has {len(line(1)) - 1} bytes"]),
        (line(0).replace(b"\n", b"\r\n") + line(1).replace(b"\n", b"\r\n"), [0, 1], []),
        (line(0)[20:] + line(1), [1], ["line 1 of {}"]),
        (line(0) + line(1) + line(2)[:20], [0, 1], []),
        (b"", [], []),
    ],
    ids=["half", "two halves", "no end of line", "zeros", "half and zeros", "bytes", "CRLF", "first", "tail", "empty"],
)
def test_what_is_whole_is_read_and_what_is_not_is_named_once(path, torn, read, said):
    path.write_bytes(torn)
    notes = []
    file = JournalFile(path, notes.append)
    assert [each["user_attr"]["number"] for each in file.read_logs(0)] == read
    assert list(file.read_logs(len(read))) == []
    file.append_logs([record(7), record(8)])
    assert [each["user_attr"]["number"] for each in file.read_logs(len(read))] == [7, 8]
    assert numbers(path) == [*read, 7, 8]
    notes = [note for note in notes if "cut off" not in note]
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert words.format(path) in note


@pytest.mark.parametrize("kept", range(len(line(2)) + 1))
def test_the_next_to_append_cuts_off_what_a_dead_process_left(path, kept):
    path.write_bytes(line(0) + line(1) + line(2)[:kept])
    notes = []
    JournalFile(path, notes.append).append_logs([record(3)])
    whole = kept >= len(line(2)) - 1
    assert path.read_bytes() == line(0) + line(1) + (line(2) if whole else b"") + line(3)
    assert [note for note in notes if f"{kept} bytes of a record" in note] == ([] if whole or not kept else notes)
    assert len(notes) == (not whole and kept > 0)


def test_zeros_after_the_end_as_a_power_cut_leaves_them_are_cut_off(path):
    path.write_bytes(line(0) + line(1)[:10] + b"\0" * 4096)
    JournalFile(path).append_logs([record(2)])
    assert path.read_bytes() == line(0) + line(2)


FULL = OSError(errno.ENOSPC, "No space left on device")


def full_disk(after, error=FULL):
    """Write so many bytes, and then raise: as a disk that fills up does, in two calls."""
    write, left = os.write, [after]

    def short(file, data):
        if not left[0]:
            raise error
        written = write(file, bytes(data)[: left[0]])
        left[0] -= written
        return written

    return short


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1, 30, len(line(1)), len(line(1)) + 5])
def test_a_disk_that_fills_up_in_the_middle_of_a_record_leaves_none_of_it(path, monkeypatch, after, error):
    path.write_bytes(line(0))
    file = JournalFile(path)
    with monkeypatch.context() as patched:
        patched.setattr(journal.os, "write", full_disk(after, error))
        with pytest.raises(type(error)):
            file.append_logs([record(1), record(2)])
    assert path.read_bytes() == line(0)
    file.append_logs([record(3)])
    assert numbers(path) == [0, 3]


def in_child(run):
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(0)
    return child


def test_two_that_append_at_once_lose_nothing_where_one_meets_a_full_disk_and_one_dies(path):
    def full():
        file = JournalFile(path)
        for number in range(50):
            journal.os.write = full_disk(number % 7 * 9) if number % 3 == 0 else write
            try:
                file.append_logs([record(number)])
            except OSError:
                continue

    def dying():
        file = JournalFile(path)
        for number in range(100, 150):
            file.append_logs([record(number)])
        write(os.open(path, os.O_WRONLY | os.O_APPEND), line(150)[:33])

    write = os.write
    children = [in_child(full), in_child(dying)]
    for child in children:
        os.waitpid(child, 0)
    JournalFile(path).append_logs([record(200)])
    found = numbers(path)
    assert [number for number in found if number < 100] == [n for n in range(50) if n % 3]
    assert [number for number in found if 100 <= number < 200] == list(range(100, 150))
    assert found.count(200) == 1
    assert all(piece.record is not None for piece in pieces_in(path))


def test_a_study_is_read_whichever_record_was_torn(path):
    expected = judged(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for number, torn in enumerate(lines):
        for left in (torn[: len(torn) // 2], torn[: len(torn) // 2] + b"\n"):
            path.write_bytes(b"".join([*lines[:number], left, *lines[number + 1 :]]))
            storage = JournalStorage(JournalFile(path))
            if number == 0:  # the study's own creation
                assert storage.get_all_studies() == []
                continue
            trials = optuna.load_study(storage=storage, study_name="s").trials
            found = [(trial.number, trial.params, trial.user_attrs, trial.values) for trial in trials]
            lost = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
            if json.loads(torn)["op_code"] == 4:
                assert lost == [], "what came after the creation is there, and of the trial that it was of"
            else:
                assert len(lost) == 1, "one trial lacks what its torn record held"


def test_a_record_of_a_trial_that_nobody_created_is_passed_over(path):
    judged(path)
    stray = {"op_code": 8, "worker_id": "w", "trial_id": 77, "user_attr": {"a": 1}}
    JournalFile(path).append_logs([stray])
    study = study_in(path)
    study.tell(study.ask(), 1.0)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4


def test_who_reads_on_after_the_file_was_mended_reads_each_record_once(path):
    path.write_bytes(line(0) + line(1)[:20] + line(2))
    file = JournalFile(path)
    assert len(list(file.read_logs(0))) == 2
    mended = path.with_name("mended")
    mended.write_bytes(line(0) + line(2) + line(3))
    mended.replace(path)
    assert [each["user_attr"]["number"] for each in file.read_logs(2)] == [3]


@pytest.mark.parametrize(
    "content",
    [b"notes\n", b"[]\n", b"\0" * 500, b"\x89PNG\r\n\x1a\n" * 40, b'{"a": 1}\n', b"text without an end",
     b"a\nb\nc\n" + line(0), b'{"op_code":77,"worker_id":"w"}\n'],
)  # fmt: skip
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"records of a journal|operation 77"):
        JournalFile(path)
    assert path.read_bytes() == content
