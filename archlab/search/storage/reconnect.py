"""A database that goes away and comes back: every operation waits for it, with a message, and continues."""

from __future__ import annotations

import functools
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between attempts; they double from the first to the longest."""

OPERATIONS = (
    "_create_new_trial",
    "_get_stale_trial_ids",
    "_get_trials",
    "_set_trial_param",
    "create_new_study",
    "get_all_studies",
    "get_study_directions",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_system_attrs",
    "get_study_user_attrs",
    "get_trial",
    "get_trial_id_from_study_id_trial_number",
    "record_heartbeat",
    "set_study_system_attr",
    "set_study_user_attr",
    "set_trial_intermediate_value",
    "set_trial_state_values",
    "set_trial_system_attr",
    "set_trial_user_attr",
)
"""What Optuna's cache asks of the database behind it."""

Note = Callable[[str], None]


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error means that the server is away or too busy, and not that it was asked something wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OperationalError | InterfaceError):
            return True
        if isinstance(cause, DBAPIError) and cause.connection_invalidated:
            return True
        cause = cause.__cause__
    return False


class ReconnectingStorage(RDBStorage):
    """Optuna's storage on a database server, with a heartbeat, that survives the server's restart.

    An operation that was under way when the server went is repeated. Optuna's are safe to repeat, except the creation
    of a trial: the first may stay behind, running and without a network; ``Heartbeats`` gives it up.
    """

    def __init__(self, url: str, where: str, heartbeat: int, note: Note) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            super().__init__(
                url,
                # Connections are tried before use, since a restarted server has forgotten them.
                engine_kwargs={"pool_pre_ping": True},
                heartbeat_interval=heartbeat,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )
        self._where = where
        self._note = note
        self._lock = threading.Lock()
        self._waiting = False

    def retry_until_answered(self, operation: Callable[[], Any], name: str) -> Any:
        """Return the result of ``operation``, repeated until the server answers."""
        wait, again = FIRST_WAIT, False
        while True:
            try:
                result = operation()
            except UpdateFinishedTrialError:
                if again and name == "set_trial_state_values":
                    result = True  # the first attempt was written, only its answer was lost
                else:
                    raise
            except (StorageInternalError, OperationalError, InterfaceError) as error:
                if not is_unreachable(error):
                    raise
                self._report(True)
                time.sleep(wait)
                wait, again = min(2 * wait, LONGEST_WAIT), True
                continue
            self._report(False)
            return result

    def _report(self, waiting: bool) -> None:
        with self._lock:
            if waiting != self._waiting:
                self._waiting = waiting
                self._note(
                    f"the storage {self._where} does not answer: waiting for it"
                    if waiting
                    else f"the storage {self._where} answers again: going on"
                )


def _reconnecting(name: str) -> Callable[..., Any]:
    plain = getattr(RDBStorage, name)

    @functools.wraps(plain)
    def waiting_for_it(self: ReconnectingStorage, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(self, "_waiting"):  # while it is being opened, errors are for the user
            return plain(self, *args, **kwargs)
        return self.retry_until_answered(lambda: plain(self, *args, **kwargs), name)

    return waiting_for_it


for _name in OPERATIONS:
    setattr(ReconnectingStorage, _name, _reconnecting(_name))
