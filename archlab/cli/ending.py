"""How a command ends: its exit code, and the one message that goes with it. No traceback reaches a terminal."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import platform
import shlex
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from archlab.cli.messages import printable_lines, say
from archlab.errors import ArchlabError, BudgetError, InputError, printable
from archlab.search.storage.redact import passwords_in, redact

FAILED, USAGE, UNFORESEEN, OUTPUT, INTERRUPTED = 1, 2, 70, 74, 130
EXIT_CODES = {
    "0": "fine",
    "1": "a budget or check failed",
    "2": "usage or input",
    "70": "an error of archlab's own",
    "74": "the output cannot be written",
    "130": "interrupted",
    "143": "terminated",
}
_PACKAGES = ("archlab", "torch", "optuna", "fvcore", "click", "rich")
_SECRETS = ("ARCHLAB_STORAGE", "PGPASSWORD")


def run(command: click.Command, args: Sequence[str]) -> int:
    """Run a command, say in one message why it fails where it does, and return its exit code."""
    try:
        # Not command.main(), to which every broken pipe is the output's, and which drops what Exit carries.
        with command.make_context("archlab", list(args)) as context:
            command.invoke(context)
    except click.exceptions.Exit as error:
        return error.exit_code
    except SystemExit as error:
        return _code_of(error)
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        click.echo(printable_lines(text.getvalue()), err=True, nl=False)
        return error.exit_code
    except ArchlabError as error:
        say(error)
        return FAILED if isinstance(error, BudgetError) else USAGE
    except MemoryError:
        say("there is not enough memory for this")
        return UNFORESEEN
    except Exception as error:
        if _is_folder_gone():
            say(_FOLDER_GONE)
            return USAGE
        say(unforeseen(error, args))
        return UNFORESEEN
    return 0


def refuse_deleted_folder() -> None:
    """Raise an InputError where the current folder was deleted: nearly everything would fail, each in its own words."""
    if _is_folder_gone():
        raise InputError(_FOLDER_GONE)


def unforeseen(error: BaseException, args: Sequence[str]) -> str:
    """Write the traceback of an error that nobody foresaw to a file, and return the line that says so.

    The file is in the current folder, or in the one for temporary files. It has the versions and the command line, and
    neither has the passwords of a storage's address.
    """
    secrets = [word for arg in (*args, os.environ.get(_SECRETS[0], "")) for word in passwords_in(arg)]
    secrets += filter(None, [os.environ.get(_SECRETS[1])])

    def hide(text: str) -> str:
        text = "\n".join(map(redact, text.split("\n")))
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    trace = "".join(traceback.format_exception(error))
    content = f"{shlex.join(['archlab', *args])}\n{_versions()}\n\n{trace}"
    file = _write(hide(content))
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    what = " ".join(hide(traceback.format_exception_only(error)[-1]).split())[:200]
    where = f"the traceback is in {file}" if file else "no folder takes a file with the traceback"
    return f"this should not have happened: {printable(what)}{place}; {where}"


_FOLDER_GONE = "the current folder no longer exists: change to one that does"


def _is_folder_gone() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _code_of(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    say(error.code)
    return FAILED


def _write(content: str) -> str | None:
    """Write to a new file that its owner alone may read; return its path, or None where no folder takes it."""
    for folder in (os.getcwd, tempfile.gettempdir):
        with contextlib.suppress(OSError):
            handle, name = tempfile.mkstemp(".txt", "archlab-error-", folder())
            try:
                with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(content)
            except OSError:
                os.unlink(name)
                raise
            return name
    return None


def _versions() -> str:
    found = [f"python {platform.python_version()} on {platform.system()}"]
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join(found)
