"""Optuna and its storages as a user should hear of them: not at all, or in one line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna

from archlab.errors import InputError
from archlab.files import cannot_write
from archlab.search.workers.address import secrets, without


@contextlib.contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna's log lines and its notes on what is experimental would drown ours."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna\..*")
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


@contextlib.contextmanager
def storage_errors(where: str, address: str = "") -> Iterator[None]:
    """A disk that fills up or a database that refuses in the middle: one line, and what was told so far is kept."""
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = without(" ".join(str(error.__cause__ or error).split()), secrets(address))[:160]
        raise InputError(
            f"the storage {where} failed: {reason}", hint="mend it and run the same again: it resumes"
        ) from None
    except OSError as error:
        raise cannot_write(Path(where), error) from error
