"""The rule of this folder: no test measures the wall's time, and each process that it waits for has a deadline."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.waiting import Clock, Gate, until

HERE = Path(__file__).parent
CLOCKS = {"sleep", "time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"}


def calls(text):
    """Each call of ``module.function`` in a file's text, with its keywords."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            yield f"{node.func.value.id}.{node.func.attr}", {keyword.arg for keyword in node.keywords}


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: str(path.relative_to(HERE)))
def test_only_one_file_looks_at_the_clock_and_every_process_has_a_deadline(path):
    made = list(calls(path.read_text(encoding="utf-8")))
    if path != HERE / "waiting.py":
        assert {name for name, _ in made} & {f"time.{name}" for name in CLOCKS} == set()
    runs = [keywords for name, keywords in made if name in ("subprocess.run", "subprocess.check_output")]
    assert all("timeout" in keywords for keywords in runs)


def test_waiting_ends_with_the_process_that_is_waited_for():
    process = subprocess.Popen([sys.executable, "-c", "print('done')"], stdout=subprocess.PIPE, encoding="utf-8")
    with pytest.raises(AssertionError, match="done"):
        until(lambda: False, process)


def test_a_closed_gate_holds_the_calls_from_a_number_on(tmp_path):
    gate = Gate(tmp_path)
    gate.enter("a")
    gate.close(at=3)
    gate.enter("b")
    passed = []
    threads = [threading.Thread(target=lambda word=word: passed.append(gate.enter(word))) for word in "cd"]
    for thread in threads:
        thread.start()
    until(lambda: len(gate.begun()) == 4)
    assert passed == []
    gate.close(at=4)
    until(lambda: len(passed) == 1)
    gate.open()
    for thread in threads:
        thread.join()
    assert len(passed) == 2
    assert gate.begun()[:2] == ["a", "b"]


def test_a_clock_goes_by_what_is_slept():
    clock = Clock()
    clock.sleep(0.5)
    assert clock.monotonic() == clock.perf_counter() == 0.5
