from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lacking import lacking
from tests.waiting import DEADLINE, Gate

ROOT = Path(__file__).resolve().parents[3]
USER, PASSWORD = "searcher", "s3cret:p@ss"
QUOTED = "s3cret%3Ap%40ss"


@dataclass
class Postgres:
    """A PostgreSQL server of this test run, on loopback, with a user that has a password."""

    bin: Path
    data: Path
    port: int

    def url(self, database="postgres", password=QUOTED, host="127.0.0.1"):
        return f"postgresql://{USER}:{password}@{host}:{self.port}/{database}"

    def start(self):
        self._run(
            "pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "-o", f"-p {self.port} -k {self.data}", "start"
        )

    def stop(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def create(self, name):
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        command = [self.bin / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, name]
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=DEADLINE)
        return self.url(name)

    def _run(self, program, *args):
        run_as_postgres([self.bin / program, *args])


def run_as_postgres(command):
    """PostgreSQL refuses to run as root."""
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   cwd="/", timeout=DEADLINE)  # fmt: skip


def find_postgres():
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@pytest.fixture(scope="session")
def postgres():
    pytest.importorskip("psycopg")
    binaries = find_postgres()
    if binaries is None:
        lacking("no PostgreSQL on this machine (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="archlab-pg-", dir="/tmp"))
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(secret, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Postgres(binaries, folder / "data", port)
    run_as_postgres([binaries / "initdb", "-D", server.data, "-U", USER, "-A", "scram-sha-256", "--pwfile", secret])
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database(postgres, request):
    """The address of an empty database."""
    name = "t" + str(abs(hash((request.node.name, getpass.getuser()))))
    return postgres.create(name)


SPACE = (
    "net many(input=3x8x8)\n" + "\n".join(f"s{i}: conv([4..32 step 4])" for i in range(4)) + "\nhead: gap -> fc(2)\n"
)


@pytest.fixture
def many(tmp_path):
    """A space of 4,096 networks and an objective that is quick, passes a gate, and leaves a line for each call."""
    (tmp_path / "many.arch").write_text(SPACE, encoding="utf-8")
    (tmp_path / "quick.py").write_text(
        textwrap.dedent(f"""\
        import os, pathlib, sys

        sys.path.insert(0, {str(ROOT)!r})
        from tests.waiting import DEADLINE, Gate

        FOLDER = pathlib.Path({str(tmp_path)!r})
        CALLS = FOLDER / "calls.txt"

        def value(module, candidate, trial):
            Gate(FOLDER).enter(os.getpid())
            with CALLS.open("a") as file:
                file.write(f"{{candidate.graph.digest}} {{os.getpid()}}\\n")
            return float(candidate.cost["params"] % 977)
        """),
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def gate(many):
    """Where the objective of ``many`` waits; the calls that come leave the id of their process."""
    return Gate(many)


@pytest.fixture
def archlab_in(many):
    """Starts the command line in the folder of ``many``."""
    started = []

    def start(*args, stderr=subprocess.PIPE, **environment):
        words = [sys.executable, "-m", "archlab", *map(str, args)]
        process = subprocess.Popen(
            words,
            cwd=many,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def calls(folder):
    path = folder / "calls.txt"
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
