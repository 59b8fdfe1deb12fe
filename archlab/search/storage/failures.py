"""Optuna's messages and its storages' failures as a user should see them: not at all, or in one line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
from sqlalchemy.exc import OperationalError

from archlab.errors import InputError
from archlab.files import cannot_write
from archlab.search.storage.redact import SafeAddress


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
def explain_storage_errors(address: SafeAddress) -> Iterator[None]:
    """Turn a disk that fills up, or a database that refuses in the middle, into one line; what was written is kept.

    Raises:
        InputError: the storage failed.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason = address.hide(_one_line(error.__cause__ or error))[:160]
        raise InputError(
            f"the storage {address.where} failed: {reason}", hint="mend it and run the same again: it resumes"
        ) from None
    except OSError as error:
        raise cannot_write(Path(address.where), error) from error


@contextlib.contextmanager
def explain_opening_errors(address: SafeAddress) -> Iterator[None]:
    """Turn what goes wrong while a storage or a study is opened into one line.

    Raises:
        InputError: it cannot be opened, or holds no study that can be read.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(Path(address.where), error) from error
    except ImportError as error:
        raise InputError(
            f"{address.where} needs a package that is not installed: {error.name or 'psycopg'}",
            hint="pip install 'archlab[postgres]'",
        ) from error
    except Exception as error:
        # Not chained: the driver's own error may quote the address.
        if address.is_server and isinstance(error, OperationalError):
            reason = address.hide(_first_line(error.orig or error))
            raise InputError(
                f"cannot connect to {address.where}: {reason}", hint="check its user, password, host and database"
            ) from None
        reason = address.hide(_one_line(error))[:120]
        raise InputError(
            f"{address.where} is not a study that can be read: {type(error).__name__}: {reason}",
            hint="move it away, or choose another --out, and search again",
        ) from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _first_line(error: BaseException) -> str:
    """Return the first line of an error that a driver reports in many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = (lines or [type(error).__name__])[0]
    return words[:200]
