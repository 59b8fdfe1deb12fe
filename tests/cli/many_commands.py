"""Run many commands, each in a process of its own, without waiting for the imports of each: ``many`` starts it.

Each is a child of this process, which has imported what commands need; its descriptors are as the test wants them, and
it ends as every Python process does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote where that went to a file."""

    code: int
    err: str
    out: str


@dataclass(frozen=True)
class Asked:
    """A command, and where its output goes: ``file``, ``full`` (a disk), ``broken`` (a pipe) or ``closed``."""

    command: tuple[str, ...]
    stdout: str = "file"
    stderr: str = "file"


def many(asked: Sequence[Asked], cwd: Path) -> dict[Asked, Done]:
    """Return how each command ended that was run, one after the other, in the folder ``cwd``."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.cli.many_commands", str(cwd)],
        input=json.dumps([asdict(each) for each in asked]),
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=DEADLINE,
        env={**os.environ, "PYTHONWARNINGS": "", "COLUMNS": "160"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(zip(asked, (Done(**done) for done in json.loads(run.stdout)), strict=True))


def _main() -> None:
    import torch  # noqa: F401  # so that no child has to

    import archlab.audit.audit_targets
    import archlab.cli.main
    import archlab.cli.progress
    import archlab.report.search_page
    import archlab.search.run

    archlab.cli.progress._IN_LOGS = DEADLINE  # on a slow machine too, what is said does not depend on the time
    asked = json.load(sys.stdin)
    os.chdir(sys.argv[1])
    done = []
    for each in asked:
        child = os.fork()
        if child == 0:
            _become(**each)
        _, status = os.waitpid(child, 0)
        done.append({
            "code": os.waitstatus_to_exitcode(status),
            **{name: _content(f"{name}.txt") for name in ("err", "out")},
        })  # fmt: skip
    print(json.dumps(done))


def _content(name: str) -> str:
    return Path(name).read_text(encoding="utf-8", errors="replace") if Path(name).exists() else ""


def _become(command: list[str], stdout: str, stderr: str) -> None:
    from archlab.cli.main import main

    ends = [(1, stdout, "out.txt"), (2, stderr, "err.txt")]
    for descriptor, kind, name in ends:
        if kind == "broken":
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, descriptor)
        elif kind != "closed":
            path = "/dev/full" if kind == "full" else name
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    # Last, or the next file that is opened gets the descriptor.
    if stdout == "closed":
        os.close(1)
        sys.stdout = sys.__stdout__ = None  # type: ignore[assignment,misc]  # as Python finds it
    if stderr == "closed":
        os.close(2)
        sys.stderr = sys.__stderr__ = None  # type: ignore[assignment,misc]
    sys.argv = ["archlab", *command]
    main()


if __name__ == "__main__":
    _main()
