"""Optuna's messages and its storages' failures as a user should see them: not at all, or in one line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna

from archlab.errors import InputError
from archlab.files import cannot_write
from archlab.search.storage.redact import redact_quoted


@contextlib.contextmanager
def silence_optuna() -> Iterator[None]:
    """Silence Optuna's log lines and its notes on what is experimental, which would drown ours."""
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
def explain_storage_errors(where: str, address: str = "") -> Iterator[None]:
    """Turn a disk that fills up, or a database that refuses in the middle, into one line; what was written is kept.

    Raises:
        InputError: the storage failed.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = redact_quoted(" ".join(str(error.__cause__ or error).split()), address)[:160]
        raise InputError(
            f"the storage {where} failed: {reason}", hint="mend it and run the same again: it resumes"
        ) from None
    except OSError as error:
        raise cannot_write(Path(where), error) from error


def unreadable(where: str, error: Exception, address: str = "") -> InputError:
    """Return the error of a storage that holds no study that can be read, without the address's passwords."""
    reason = redact_quoted(" ".join(str(error).split()), address)[:120]
    return InputError(
        f"{where} is not a study that can be read: {type(error).__name__}: {reason}",
        hint="move it away, or choose another --out, and search again",
    )
