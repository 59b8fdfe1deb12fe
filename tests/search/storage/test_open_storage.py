from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import optuna
from optuna.trial import TrialState

from archlab.search.storage.open_storage import open_storage


def test_a_queued_trial_is_taken_once(tmp_path):
    # SQLite has no row locks: workers that read at once that a trial waits would all take it.
    address, workers, queued = f"sqlite:///{tmp_path}/study.db", 4, 40
    study = optuna.create_study(storage=open_storage(address).storage, study_name="many")
    for number in range(queued):
        study.enqueue_trial({"x": number})

    def take(start):
        mine = optuna.load_study(storage=open_storage(address).storage, study_name="many")
        start.wait()
        taken = []
        while mine.get_trials(states=[TrialState.WAITING], deepcopy=False):
            taken.append(mine.ask().number)
        return taken

    start = threading.Barrier(workers)
    with ThreadPoolExecutor(workers) as pool:
        taken = [number for found in pool.map(take, [start] * workers) for number in found if number < queued]
    assert sorted(taken) == list(range(queued))
