"""A database that goes away and comes back: every operation waits for it, with a message, and continues."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from archlab.search.storage.conversation import Conversation, OperationThread, StorageLeftError
from archlab.search.storage.interrupts import Interrupt
from archlab.search.storage.redact import SafeAddress
from archlab.search.storage.server_limits import Connections, ServerLimits, connect_args

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

IN_FAILED_TRANSACTION = "25P02"
"""PostgreSQL's code for a statement after one that has failed, in the same transaction."""

NOTHING_NEW: dict[str, Callable[[], Any]] = {
    "_get_stale_trial_ids": list,
    "_get_trials": list,
    "get_all_studies": list,
    "record_heartbeat": lambda: None,
}
"""What these return once the server is left: an interrupted search goes by what Optuna's cache knows."""

Note = Callable[[str], None]


def is_unreachable(error: BaseException) -> bool:
    """Return whether an error means that the server is away or too busy, and not that it was asked something wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OperationalError | InterfaceError):
            return True
        if isinstance(cause, DBAPIError) and cause.connection_invalidated:
            return True
        # Where the server ends a statement that reads trials, Optuna asks in another way in the same transaction.
        if isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) == IN_FAILED_TRANSACTION:
            return True
        cause = cause.__cause__
    return False


class ReconnectingStorage(RDBStorage):
    """Optuna's storage on a database server, with a heartbeat, that survives its restart and a stalled network.

    An operation that was under way when the server went is repeated. Optuna's are safe to repeat, except the creation
    of a trial: the first may stay behind, running and without a network; ``Heartbeats`` gives it up.
    """

    def __init__(
        self,
        url: URL,
        address: SafeAddress,
        heartbeat: int,
        note: Note,
        interrupt: Interrupt | None = None,
        limits: ServerLimits | None = None,
    ) -> None:
        limits = limits or ServerLimits()
        connections = Connections(limits)
        conversation = Conversation(
            connections,
            limits,
            interrupt or Interrupt(),
            lambda words: note(f"the storage {address.where} {words}"),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            opening = functools.partial(
                super().__init__,
                url.render_as_string(hide_password=False),
                engine_kwargs={
                    # Connections are tried before use, since a restarted server has forgotten them.
                    "pool_pre_ping": True,
                    "connect_args": connect_args(url, limits),
                    "pool_events": connections.events(url),
                },
                heartbeat_interval=heartbeat,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )
            conversation.ask(opening)  # where it fails, the error is for the user
        conversation.well()
        self.conversation = conversation

    def retry_until_answered(self, operation: Callable[[], Any], name: str) -> Any:
        """Return the result of ``operation``, repeated until the server answers.

        Raises:
            StorageLeftError: the search was interrupted, and the server does not answer.
        """
        wait, again = FIRST_WAIT, False
        while True:
            try:
                result = self.conversation.ask(operation)
            except UpdateFinishedTrialError:
                if again and name == "set_trial_state_values":
                    result = True  # the first attempt was written, only its answer was lost
                else:
                    raise
            except (StorageInternalError, DBAPIError) as error:
                if not is_unreachable(error):
                    raise
                self.conversation.trouble("does not answer: waiting for it")
                self.conversation.pause(wait)
                wait, again = min(2 * wait, LONGEST_WAIT), True
                continue
            self.conversation.well()
            return result


def _reconnecting(name: str) -> Callable[..., Any]:
    plain = getattr(RDBStorage, name)

    @functools.wraps(plain)
    def waiting_for_it(self: ReconnectingStorage, *args: Any, **kwargs: Any) -> Any:
        if isinstance(threading.current_thread(), OperationThread):  # a part of another operation, or of opening it
            return plain(self, *args, **kwargs)
        before = self.conversation.is_interrupted
        try:
            return self.retry_until_answered(lambda: plain(self, *args, **kwargs), name)
        except StorageLeftError:
            # Whoever is interrupted here has to know; whoever was, and only looks, goes by what is known.
            if name == "record_heartbeat" or (before and name in NOTHING_NEW):
                return NOTHING_NEW[name]()
            raise

    return waiting_for_it


for _name in OPERATIONS:
    setattr(ReconnectingStorage, _name, _reconnecting(_name))
