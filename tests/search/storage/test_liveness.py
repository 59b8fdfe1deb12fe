from __future__ import annotations

import os

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from archlab.search.storage.liveness import FileLocks, Heartbeats
from archlab.search.storage.open_storage import open_storage
from archlab.search.storage.put_back import judge_again
from archlab.search.storage.trial_record import CLAIM, DEATHS, RECORD, SURPLUS, is_evaluated, record_in


def states(study):
    return [trial.state.name for trial in study.trials]


def claimed(study, digest="d"):
    """A running trial with a network."""
    trial = study.ask()
    trial.suggest_int("x", 0, 9)
    study._storage.set_trial_system_attr(trial._trial_id, CLAIM, digest)
    return trial


def test_a_trial_whose_lock_is_free_is_queued_again_once(tmp_path):
    study = optuna.create_study()
    trial = study.ask()
    trial.suggest_int("x", 0, 9)
    here = FileLocks(tmp_path / "locks")
    here.begin(trial)
    here.reap(study)
    assert study.trials[0].state == optuna.trial.TrialState.RUNNING, "this process is at it"
    here.end()
    here.reap(study)
    here.reap(study)
    assert [t.state.name for t in study.trials] == ["FAIL", "WAITING"]
    assert study.trials[1].params == trial.params


def held_elsewhere(path, study_name, ready):
    """Begin a trial of a study in another process, which lives until ``ready`` is closed; return that process."""
    seen, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready[1])
        opened = open_storage(path)
        opened.liveness.begin(optuna.load_study(storage=opened.storage, study_name=study_name).ask())
        os.write(tell, b"x")
        os.read(ready[0], 1)
        os._exit(0)
    assert os.read(seen, 1) == b"x"
    return child


@pytest.mark.parametrize("address", ["{}/a.journal", "sqlite:///{}/a.db"])
def test_two_studies_in_one_file_do_not_wait_for_each_other(tmp_path, address):
    address = address.format(tmp_path)
    opened = open_storage(address)
    here = optuna.create_study(storage=opened.storage, study_name="here")
    optuna.create_study(storage=opened.storage, study_name="there")
    ready = os.pipe()
    child = held_elsewhere(address, "there", ready)
    dead = here.ask()
    assert dead.number == 0, "as the other's"
    opened.liveness.reap(here)
    assert states(here) == ["FAIL", "WAITING"], "the other study's trial of that number runs, this one does not"
    there = optuna.load_study(storage=opened.storage, study_name="there")
    opened.liveness.reap(there)
    assert states(there) == ["RUNNING"]
    os.close(ready[1])
    os.waitpid(child, 0)
    opened.liveness.reap(there)
    assert states(there) == ["FAIL", "WAITING"]


def dies_at(locks, study, path):
    """The next trial of the queue, or a new one, whose process ends while it is evaluated."""
    trial = study.ask()
    if not trial.params:
        trial.suggest_int("x", 0, 9)
        study._storage.set_trial_system_attr(trial._trial_id, CLAIM, "d")
    locks.begin(trial)
    mark = os.pread(locks._file(), 1, trial._trial_id)
    locks.end()
    os.pwrite(locks._file(), mark, trial._trial_id)  # as a killed process leaves it: the lock free, the byte set


def test_a_network_that_ends_its_process_again_and_again_is_a_failed_candidate(tmp_path):
    study, locks = optuna.create_study(), FileLocks(tmp_path / "locks")
    for _ in range(3):
        dies_at(locks, study, tmp_path)
        locks.reap(study, max_deaths=3)
    assert states(study) == ["FAIL"] * 3
    assert [trial.user_attrs.get(DEATHS) for trial in study.trials] == [None, 1, 2]
    *before, last = study.trials
    assert record_in(last)["reason"] == "it ended its process 3 times (--max-deaths)"
    assert [is_evaluated(trial) for trial in [*before, last]] == [False, False, True]
    assert record_in(last)["digest"] == "d"
    locks.reap(study)
    assert len(study.trials) == 3, "it is not queued again"


def test_one_death_can_be_enough(tmp_path):
    study, locks = optuna.create_study(), FileLocks(tmp_path / "locks")
    dies_at(locks, study, tmp_path)
    locks.reap(study, max_deaths=1)
    assert record_in(study.trials[0])["reason"] == "it ended its process once (--max-deaths)"


def test_an_interruption_or_a_full_disk_is_no_death(tmp_path):
    study, locks = optuna.create_study(), FileLocks(tmp_path / "locks")
    for _ in range(4):
        trial = claimed(study)
        locks.begin(trial)
        locks.end()  # the process ends in order, and could not write more
        locks.reap(study, max_deaths=1)
        study.ask()
    assert all(record_in(trial) is None for trial in study.trials)
    assert all(DEATHS not in trial.user_attrs for trial in study.trials)


def test_a_process_that_dies_with_its_record_written_is_no_death_of_the_network(tmp_path):
    study, locks = optuna.create_study(), FileLocks(tmp_path / "locks")
    trial = claimed(study)
    locks.begin(trial)
    trial.set_user_attr(RECORD, {"state": "scored"})
    mark = os.pread(locks._file(), 1, trial._trial_id)
    locks.end()
    os.pwrite(locks._file(), mark, trial._trial_id)
    locks.reap(study, max_deaths=1)
    assert states(study) == ["FAIL", "WAITING"]
    assert study.trials[1].user_attrs == {RECORD: {"state": "scored"}}


@pytest.fixture
def on_server(tmp_path):
    """A study with heartbeats, its liveness, and the ids of trials whose heartbeat has stopped."""
    storage = RDBStorage(f"sqlite:///{tmp_path}/study.db", heartbeat_interval=60)
    stale = []
    storage._get_stale_trial_ids = lambda study_id: [i for i in stale if not storage.get_trial(i).state.is_finished()]
    return optuna.create_study(storage=storage), Heartbeats(grace=0), stale


def test_deaths_are_counted_on_a_server_too(on_server):
    study, beats, stale = on_server
    for _ in range(3):
        trial = study.ask()
        if not trial.params:
            trial.suggest_int("x", 0, 9)
            study._storage.set_trial_system_attr(trial._trial_id, CLAIM, "d")
        beats.begin(trial)
        stale.append(trial._trial_id)
        beats.reap(study, max_deaths=3)
    assert states(study) == ["FAIL"] * 3
    assert record_in(study.trials[-1])["reason"] == "it ended its process 3 times (--max-deaths)"


def test_a_retry_whose_worker_died_before_it_began_is_queued_again_on_a_server_too(on_server):
    study, beats, stale = on_server
    stale.append(claimed(study)._trial_id)
    beats.reap(study)
    study.ask()  # the retry: it has a claim, and never had a heartbeat
    for _ in range(3):
        beats.reap(study)
    assert states(study) == ["FAIL", "FAIL", "WAITING"]


SCORED = {"state": "scored", "values": {"a": 1.0}}


@pytest.mark.parametrize(
    ("state", "record", "again"),
    [
        (TrialState.FAIL, None, True),
        (TrialState.PRUNED, None, True),
        (TrialState.COMPLETE, None, True),
        (TrialState.FAIL, SCORED, True),
        (TrialState.FAIL, {"state": "pruned"}, True),
        (TrialState.FAIL, {"state": "over_budget"}, True),
        (TrialState.FAIL, {"state": "failed"}, False),
        (TrialState.FAIL, {"state": "repeated"}, False),
        (TrialState.PRUNED, {"state": "pruned"}, False),
        (TrialState.COMPLETE, SCORED, False),
    ],
)
@pytest.mark.parametrize("server", [False, True])
def test_a_trial_that_was_told_nothing_is_queued_again_once_whatever_state_it_has(
    tmp_path, on_server, server, state, record, again
):
    study, liveness, _ = on_server
    liveness = liveness if server else FileLocks(tmp_path / "locks")
    trial = claimed(study)
    if record:
        trial.set_user_attr(RECORD, record)
    study.tell(trial, 1.0 if state == TrialState.COMPLETE else None, state=state)
    for _ in range(3):
        liveness.reap(study)
    assert states(study) == [state.name, *["WAITING"] * again]
    if again:
        assert study.trials[1].params == trial.params
        assert study.trials[1].user_attrs == ({RECORD: record} if record else {})


def test_what_never_had_a_network_or_was_one_too_many_is_not_queued_again(tmp_path):
    study = optuna.create_study()
    study.tell(study.ask(), state=TrialState.FAIL)
    surplus = claimed(study)
    surplus.set_user_attr(SURPLUS, True)
    study.tell(surplus, state=TrialState.FAIL)
    FileLocks(tmp_path / "locks").reap(study)
    assert states(study) == ["FAIL", "FAIL"]


def test_what_failed_is_judged_again_once(tmp_path):
    study = optuna.create_study()
    for record in ({"state": "failed", "reason": "it broke"}, SCORED):
        trial = claimed(study)
        trial.set_user_attr(RECORD, record)
        trial.set_user_attr(DEATHS, 3)
        study.tell(trial, *([1.0] if record is SCORED else []), state=None if record is SCORED else TrialState.FAIL)
    assert [judge_again(study), judge_again(study)] == [1, 0]
    assert states(study) == ["FAIL", "COMPLETE", "WAITING"]
    assert study.trials[2].user_attrs == {}, "its deaths and its record are of before"
