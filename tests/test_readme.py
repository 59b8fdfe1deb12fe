"""Every command, program, text and figure of the README is tried; and it stays short."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

import archlab
from archlab.elaborate import load
from archlab.resources import shipped_spaces
from tests.pages import ROOT, blocks, commands, draw_photos, page, run, write_files

README = page("README.md")
BYTES = 8192
SHORTER = {
    "--train-top 3": "--train-top 1 --train-steps 1 --trials 2",
    "--train-top 4": "--train-top 1 --train-steps 1 --trials 1",
    "--input 3x64x64 --out out/base": "--input 3x32x32 --steps 8 --set width_mult=0.125 --out out/base",
    "-b macs=0.5x --out out/half": "-b macs=0.5x --trials 2 --out out/half",
}
"""What is put in the place of words of the README's commands, so that they end in seconds."""


def test_it_is_short():
    assert len((ROOT / "README.md").read_bytes()) <= BYTES


def test_the_audit_stands_before_the_language():
    assert README.index("archlab audit") < README.index("## The language")


def test_the_language_and_python_take_ten_lines():
    (text,) = [block.body for block in blocks(README) if block.language == "arch"]
    (program,) = [block.body for block in blocks(README) if block.language == "python"]
    assert text.count("\n") <= 10
    assert program.count("\n") <= 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the README shows, and with those that its reader has."""
    path = tmp_path_factory.mktemp("readme")
    write_files(README, path)
    draw_photos(path / "photos")
    shutil.copytree(ROOT / "tests" / "data" / "bccd", path / "cells")
    return path


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_page(folder):
    ran = [command for command in commands(README) if command.startswith("archlab ")]
    assert len(ran) >= 9
    # What needs a network that is trained further down.
    for command in sorted(ran, key=lambda command: "out/base/network.arch" in command):
        for words, fewer in SHORTER.items():
            command = command.replace(words, fewer)
        run(["bash", "-c", command], folder)
    assert (folder / "out" / "half" / "weights.safetensors").exists()


def test_what_makes_commands_shorter_is_on_the_page():
    assert [words for words in SHORTER if words not in " ".join(commands(README))] == []


@pytest.mark.slow
def test_make_search_searches_and_says_where_the_report_is(tmp_path):
    assert "make search" in commands(README)
    if not (ROOT / ".venv" / ".installed").exists():
        pytest.skip("the clone has not been set up with make: run `make setup`")
    out = run(["make", "search", "TRIALS=3", f"OUT={tmp_path / 'out'}"], ROOT)
    assert f"{tmp_path / 'out'}/report.html" in out
    assert "3 scored" in out
    assert "pip install" not in out, "a second run installs nothing"


def test_make_test_is_every_check_and_what_ci_runs():
    assert "make test" in commands(README)
    ran_by_ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make test", "make docs"} <= set(ran_by_ci)
    dry = run(["make", "--dry-run", "test"], ROOT)
    for check in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"):
        assert check in dry


def test_it_says_how_many_networks_are_shipped():
    shipped = [name for name in shipped_spaces() if load(archlab.load(name)).is_reference]
    assert f"ships [{len(shipped)} networks of the literature]" in README


def test_the_page_says_what_the_network_costs():
    (text,) = [block.body for block in blocks(README) if block.language == "arch"]
    total = archlab.cost(archlab.elaborate(archlab.parse(text)))
    assert f"{total.params:,} parameters and {total.macs:,} MACs" in README


@pytest.mark.slow
def test_the_program_runs(folder):
    (program,) = [block.body for block in blocks(README) if block.language == "python"]
    printed = run([sys.executable, "-W", "ignore", "-c", program], folder)
    assert "macs=4089184256" in printed
    assert "net " in printed


def test_the_figures_of_shrinking_are_the_recorded_ones():
    record = json.loads((ROOT / "benchmarks" / "results" / "carry.json").read_text(encoding="utf-8"))["right_after"]
    names = {"residual": "ResNet-like", "mobile": "MobileNetV2-like", "concatenated": "with concatenations"}
    for base, title in names.items():
        for budget in ("0.5", "0.3"):
            methods = record[base][budget]
            shown = [
                f"{100 * methods[name]['accuracy']:.1f}" for name in ("base", "archlab", "torch_pruning", "fastnas")
            ]
            assert f"| {title}, {float(budget):.0%}".replace("%", " %") + f" | {' | '.join(shown)} |" in README


@pytest.mark.parametrize("name", ["README.md", "docs/scaling.md"])
def test_the_promise_is_on_the_page_word_for_word(name):
    promise = (
        "*an evaluation whose value the objective returned is in the result, once, or its network is queued again, "
        "whatever dies, fills up or is unplugged, at whatever moment; the count is exact; a network that kills its "
        "worker three times is a failed candidate with that reason; and a study says so when the code that judged it "
        "has changed.*"
    )
    assert promise in " ".join(page(name).split())
