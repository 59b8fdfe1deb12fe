"""A shell at a terminal, as a user has it, which types a line, presses Tab and says what the line has become."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import termios
from pathlib import Path

from tests.lacking import lacking
from tests.waiting import DEADLINE, until

ROOT = Path(__file__).resolve().parents[2]
SHELLS = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "-i"),
}
_START = {
    "bash": "bind 'set enable-bracketed-paste off'; PS1='%'; source ./script",
    "zsh": "PS1='%%'; autoload -U compinit; compinit -D -u; source ./script",
    "fish": "function fish_prompt; echo -n '%'; end; source ./script",
}


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # without it there is no interactive fish


class Shell:
    """A shell whose ``archlab`` is the one under test, with its completion sourced, in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        program = shutil.which(name) or lacking(f"no {name} on this machine (apt-get install {name})")
        self._folder, self._screen, self._number = folder, "", 0
        environment = self._environment(folder)
        script = subprocess.run(
            ["archlab"], env={**environment, "_ARCHLAB_COMPLETE": f"{name}_source"}, capture_output=True, check=True,
            encoding="utf-8", timeout=DEADLINE,
        )  # fmt: skip
        (folder / "script").write_text(script.stdout, encoding="utf-8")
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [program, *SHELLS[name]], stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder,
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(slave)
        self._send(f"{_START[name]}\n")
        self.run("true")

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(DEADLINE)
        os.close(self._master)

    def completed(self, line: str) -> list[str]:
        """Type ``line``, in which a Tab is a Tab, and return the words that the shell makes of it, but the first."""
        return self.run(line)[1:]

    def run(self, line: str) -> list[str]:
        """Type a line, give its words to a program that writes them to a file, and return them."""
        self._number += 1
        written = self._folder / f"words-{self._number}"
        self._send(f"{line}\x01./arguments {written.name} \n")

        def arrived() -> bool:
            self._read()
            return written.exists()

        until(arrived)
        return written.read_text(encoding="utf-8").splitlines()

    def _send(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read(self) -> None:
        if select.select([self._master], [], [], 0.05)[0]:
            self._screen += os.read(self._master, 2**16).decode(errors="replace")

    def _environment(self, folder: Path) -> dict[str, str]:
        """Make the programs ``archlab`` and ``arguments``, and return the variables of a shell that finds them."""
        python, bin_ = shlex.quote(sys.executable), folder / "bin"
        bin_.mkdir(exist_ok=True)
        self._program(bin_ / "archlab", f'exec {python} -m archlab "$@"')
        self._program(folder / "arguments", 'name=$1; shift; printf "%s\\n" "$@" > "$name.new"; mv "$name.new" "$name"')
        path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
        return {
            **os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "xterm", "HOME": str(folder), "HISTFILE": "",
        }  # fmt: skip

    @staticmethod
    def _program(path: Path, line: str) -> None:
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)
