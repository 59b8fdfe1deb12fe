"""Optuna's messages and its storages' failures as a user should see them: not at all, or in one line."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
from sqlalchemy.exc import DBAPIError

from archlab.errors import ArchlabError
from archlab.files import cannot_write
from archlab.search.storage.opening_failures import explain
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
    except (optuna.exceptions.StorageInternalError, DBAPIError) as error:
        # Not chained: the driver's own error may quote the address.
        raise explain(error, address) from None
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
    except ArchlabError:
        raise
    except Exception as error:
        # Not chained: the driver's own error may quote the address.
        raise explain(error, address) from None
