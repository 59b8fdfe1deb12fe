"""``archlab study check``: what it says of a storage, what it mends, and what it leaves alone."""

from __future__ import annotations

import json
import os

import optuna
import pytest
from click.testing import CliRunner
from optuna.storages import JournalStorage
from optuna.trial import TrialState

import archlab
from archlab.cli.main import cli
from archlab.search.result import read_result
from archlab.search.storage.check_study import check_storage
from archlab.search.storage.journal import JournalFile
from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.trial_record import CLAIM, RECORD
from tests.search.conftest import TINY


def search(folder, trials=4, **options):
    archlab.search(archlab.parse(TINY), objective="params", trials=trials, out=folder, latency=False, **options)
    return read_result(folder / "result.json")


@pytest.fixture(params=[None, "sqlite:///{}/study.db"], ids=["journal", "sqlite"])
def searched(request, tmp_path):
    """A finished search: its result, its storage's address, and how to run it again."""
    address = request.param and request.param.format(tmp_path)
    options = {"storage": address} if address else {}
    return search(tmp_path, **options), address or str(tmp_path / "study.journal"), lambda: search(tmp_path, **options)


def run(*args):
    done = CliRunner().invoke(cli, ["study", "check", *map(str, args)])
    assert done.exception is None or isinstance(done.exception, SystemExit | archlab.ArchlabError), done.exception
    return done.exit_code, done.output


def study_in(address, name="tiny"):
    return optuna.load_study(storage=open_storage(address).storage, study_name=name)


def test_a_whole_study_is_described_and_left_as_it_is(searched):
    _, address, _ = searched
    before = [(t.number, t.state, t.user_attrs) for t in study_in(address).trials]
    code, out = run(address)
    assert code == 0
    assert "tiny: 4 of 4 evaluations" in out
    assert "4 complete" in out
    assert out.endswith("all is whole\n")
    assert [(t.number, t.state, t.user_attrs) for t in study_in(address).trials] == before


def torn_journal(tmp_path, of):
    """A finished search whose journal lacks the second half of the last record that holds ``of``."""
    result = search(tmp_path)
    path = tmp_path / "study.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    number = max(i for i, line in enumerate(lines) if of in line)
    half = lines[number][: len(lines[number]) // 2]
    path.write_bytes(b"".join([*lines[:number], half, *lines[number + 1 :]]))
    return result, path, number + 1, len(half)


@pytest.mark.parametrize("of", [b'"op_code":4,', b'"archlab:trial"', b'"op_code":6,', b'"archlab:claim"'])
def test_torn_records_are_cut_out_and_no_whole_evaluation_is_lost(tmp_path, of):
    result, path, line, length = torn_journal(tmp_path, of)
    torn = path.read_bytes()
    code, out = run(path)
    assert code == 0, out
    assert f"line {line}: {length} bytes" in out
    assert (tmp_path / "study.journal.torn-1").read_bytes() == torn
    assert all(json.loads(text)["op_code"] < 10 for text in path.read_bytes().splitlines())
    code, out = run(path)
    assert (code, "torn records" in out) == (0, False)
    resumed = search(tmp_path)
    values = {trial.digest: trial.values for trial in result.trials if trial.state == "scored"}
    again = {trial.digest: trial.values for trial in resumed.trials if trial.state == "scored"}
    assert len(again) == 4
    assert sum(again.get(digest) == value for digest, value in values.items()) == 4


def test_a_record_that_was_told_to_nobody_is_taken_in(searched):
    _, address, _ = searched
    study = study_in(address)
    kept = study.trials[1]
    record = {**kept.user_attrs[RECORD], "digest": "other"}
    for state in (None, TrialState.FAIL):
        trial = study.ask()
        trial.set_user_attr(RECORD, record)
        if state:
            study.tell(trial, state=state)
    found = check_storage(address)
    (tiny,) = found.studies
    assert len(tiny.taken_in) == 2
    assert tiny.evaluated == 6
    assert (tiny.let_go, tiny.untold, found.is_whole) == ((), (), True)
    told = [t for t in study_in(address).trials if t.number in tiny.taken_in]
    assert [(t.state, t.values) for t in told] == [(TrialState.COMPLETE, kept.values)] * 2


def test_a_claim_of_a_dead_process_is_let_go_and_one_that_lives_is_left_alone(searched):
    _, address, _ = searched
    opened = open_storage(address)
    study = optuna.load_study(storage=opened.storage, study_name="tiny")
    dead, alive = study.ask(), study.ask()
    for trial in (dead, alive):
        study._storage.set_trial_system_attr(trial._trial_id, CLAIM, f"d{trial.number}")
    seen, tell = os.pipe()
    wait, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        opened.liveness.begin(alive)
        os.write(tell, b"x")
        os.read(wait, 1)
        os._exit(0)
    os.read(seen, 1)
    code, out = run(address)
    os.close(end)
    os.waitpid(child, 0)
    assert code == 0
    assert f"its process had ended, queued again: trial {dead.number}\n" in out
    assert f"running now: trial {alive.number}\n" in out


def test_studies_of_others_are_described_and_not_mended(tmp_path):
    path = tmp_path / "other.journal"
    study = optuna.create_study(storage=JournalStorage(JournalFile(path)), study_name="mine")
    study.tell(study.ask(), 1.0)
    study.ask()
    before = path.read_bytes()
    code, out = run(path)
    assert (code, path.read_bytes()) == (0, before)
    assert "mine: not archlab's, described and not mended\n  trials: 1 running, 1 complete" in out
    path.write_bytes(before + b'{"op_code":6,"wor')
    code, out = run(path)
    assert code == 1
    assert "its torn records are left where they are" in out
    assert path.read_bytes() == before + b'{"op_code":6,"wor'


def test_what_cannot_be_mended_is_named_and_the_exit_code_is_1(tmp_path):
    search(tmp_path)
    path = tmp_path / "study.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    plan = next(line for line in lines if b'"archlab:plan"' in line)
    path.write_bytes(b"".join(line for line in lines if line != plan))
    code, out = run(path)
    assert code == 1
    assert "left: its plan is lost: its `archlab search` again gives it back" in out
    assert search(tmp_path).counts()["scored"] == 4
    code, out = run(path)
    assert code == 0
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"op_code":4,' not in line))
    code, out = run(path)
    assert code == 1
    assert "records are of studies or trials whose creation is lost" in " ".join(out.split())
    assert out.endswith("not all could be mended\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.journal", None, "there is no storage at"),
        ("notes.txt", b"notes\n", "records of a journal"),
        ("empty.journal", b"", "holds no study"),
        ("study.db", b"SQLite format 3\0", "write sqlite:///"),
        ("sqlite:///{}/none.db", None, "there is no storage at"),
        ("sqlite:///{}/text.db", b"no database " * 99, "not a study that can be read"),
        ("sqlite:///{}/empty.db", b"", "holds no study"),
    ],
)
def test_what_is_no_study_is_refused_and_left_as_it_is(tmp_path, name, content, said):
    address = name.format(tmp_path) if "{}" in name else str(tmp_path / name)
    path = tmp_path / name.rpartition("/")[2]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(archlab.InputError) as refused:
        check_storage(address)
    assert said in str(refused.value)
    assert path.read_bytes() == content if content is not None else not path.exists()


def test_the_output_reads_well_in_80_columns_and_as_json(tmp_path):
    path = torn_journal(tmp_path, b'"archlab:trial"')[1]
    code, out = run(path)
    assert all(len(row) <= 80 or str(tmp_path) in row for row in out.splitlines())
    code, out = run("--json", path)
    found = json.loads(out)
    assert (code, found["whole"], found["tears"]) == (0, True, [])
    assert found["studies"][0]["trials"]["complete"] >= 3


def test_a_search_that_runs_reads_on_while_its_journal_is_mended(tmp_path):
    _, path, _, _ = torn_journal(tmp_path, b'"op_code":6,')
    study = study_in(str(path))
    states = [trial.state for trial in study.trials]
    assert run(path)[0] == 0
    assert [trial.state for trial in study.trials][: len(states) - 1] == states[:-1]
    trial = study.ask()
    study.tell(trial, 1.0)
    assert study_in(str(path)).trials[-1].value == study.trials[-1].value
