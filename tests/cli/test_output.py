"""Standard output that is full, broken or closed, and standard error too, under every command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from archlab.search.result import to_json
from tests.cli.many_commands import Asked, Done, many
from tests.report import results
from tests.waiting import DEADLINE

TINY = """\
net tiny(input=3x16x16)
stem: conv({4, 8}, 3, s=2)
head: gap -> fc(10)
"""
COMMANDS = (
    "spaces",
    "show tiny.arch",
    "show tiny.arch --json",
    "show resnet50 --text",
    "audit tiny.arch",
    "audit tiny.arch --json",
    "export tiny.arch --to arch",
    "export tiny.arch --to python --out net.py",
    "import --timm-arch b.txt",
    "rewrite vgg16_5x5 --rule factorise5x5",
    "report result.json",
    "calibrate tiny.arch --from t.csv --out c.json",
    "search tiny.arch -o macs -n 2 --no-latency --top 1 --json",
    "worker --study tiny --storage out/tiny/study.journal",
    "--help",
    "--version",
)
JSON = tuple(command for command in COMMANDS if "--json" in command)
FAILING = {"show": 2, "show nothing": 2, "audit tiny.arch --max macs=1": 1}


def asked(command: str, stdout: str = "file", stderr: str = "file") -> Asked:
    return Asked(tuple(command.split()), stdout, stderr)


FULL = [asked(command, "full") for command in COMMANDS]
BROKEN = [asked(command, "broken") for command in (*JSON, "--help", *FAILING)]
CLOSED = [asked(command, "closed") for command in ("spaces", "audit tiny.arch --json", "show nothing")]
SILENT = [
    asked(command, "file", stderr)
    for stderr in ("full", "broken", "closed")
    for command in ("show tiny.arch", *FAILING)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    (folder / "tiny.arch").write_text(TINY, encoding="utf-8")
    (folder / "b.txt").write_text("ds_r1_k3_s1_c16\n", encoding="utf-8")
    (folder / "result.json").write_text(to_json(results.search(6, 1)), encoding="utf-8")
    rows = "".join(f"{4 + 4 * (i % 2)},{i % 2 + i / 100}\n" for i in range(12))
    (folder / "t.csv").write_text(f"stem.conv.c,value\n{rows}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path) -> dict[Asked, Done]:
    return many([*FULL, *BROKEN, *CLOSED, *SILENT], folder)


def test_a_full_output_is_one_line_and_exit_code_74(folder: Path, ended: dict[Asked, Done]):
    for command in FULL:
        done = ended[command]
        assert done.err == "archlab: cannot write to standard output: no space left on device\n", command
        assert done.code == 74, command
    assert (folder / "out" / "tiny" / "result.json").exists(), "what a search found is there all the same"


def test_a_pipe_that_nobody_reads_changes_nothing(ended: dict[Asked, Done]):
    for command in BROKEN:
        done, code = ended[command], FAILING.get(" ".join(command.command), 0)
        assert done.code == code, command
        assert bool(done.err) == bool(code), command


def test_a_closed_output_is_one_line_too(ended: dict[Asked, Done]):
    assert [ended[command].code for command in CLOSED] == [74, 74, 2]
    assert ended[CLOSED[0]].err == "archlab: cannot write to standard output: bad file descriptor\n"


def test_standard_error_that_takes_nothing_changes_no_exit_code(ended: dict[Asked, Done]):
    for command in SILENT:
        assert ended[command].code == FAILING.get(" ".join(command.command), 0), command
    assert "params" in ended[SILENT[0]].out


def test_head_gets_its_line_and_the_command_its_code(folder: Path):
    command = f"{shlex.quote(sys.executable)} -m archlab rewrite vgg16_5x5 --rule factorise5x5 --quiet"
    script = f"{command} | head -1; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(
        ["bash", "-c", script], capture_output=True, encoding="utf-8", cwd=folder, timeout=DEADLINE, check=False,
        env={**os.environ, "PYTHONWARNINGS": "", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert (run.stdout, run.stderr) == ("net vgg16_5x5(input=3x224x224)\n0\n", "")
