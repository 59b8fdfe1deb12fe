"""What is printed goes where it belongs, from Python, from C and from child processes."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import pytest

from archlab.user_prints import Prints, forgiving_prints
from tests.waiting import DEADLINE

PRINTS_EVERYWHERE = """
def print_everywhere(word):
    print("python", word)
    os.write(1, f"descriptor {word}\\n".encode())
    subprocess.run(["echo", "child", word])
    libc.printf(f"stdio {word}\\n".encode())
"""


def run(body):
    head = "import atexit, ctypes, os, subprocess, sys, threading\nlibc = ctypes.CDLL(None)\n" + PRINTS_EVERYWHERE
    done = subprocess.run(
        [sys.executable, "-c", head + body], capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE
    )
    return done.stdout, done.stderr


def everywhere(word):
    return {f"{way} {word}" for way in ("python", "descriptor", "child", "stdio")}


def test_what_is_printed_meanwhile_goes_to_standard_error_and_nothing_else_does():
    out, err = run(
        "from archlab.user_prints import prints_on_stderr\n"
        "print_everywhere('before')\n"
        "with prints_on_stderr():\n"
        "    print_everywhere('within')\n"
        "print_everywhere('after')\n"
    )
    assert set(out.splitlines()) == everywhere("before") | everywhere("after")
    assert set(err.splitlines()) == everywhere("within")


def test_results_are_alone_on_standard_output_until_the_process_has_ended():
    out, err = run(
        "from archlab.user_prints import ResultsOnly\n"
        "atexit.register(print_everywhere, 'at the exit')\n"
        "with ResultsOnly() as stdout:\n"
        "    print_everywhere('before')\n"
        "    with stdout.given_back():\n"
        "        print('result')\n"
        "    print_everywhere('after')\n"
        "threading.Thread(target=print_everywhere, args=['in a thread']).start()\n"
    )
    assert out == "result\n"
    words = ("before", "after", "at the exit", "in a thread")
    assert set(err.splitlines()) == set().union(*map(everywhere, words))


def test_a_search_that_is_refused_gives_standard_output_back():
    out, _ = run(
        "from archlab.user_prints import ResultsOnly\n"
        "try:\n"
        "    with ResultsOnly():\n"
        "        raise KeyError\n"
        "except KeyError:\n"
        "    print('back')\n"
    )
    assert out == "back\n"


def test_each_line_has_its_head_and_is_handed_on_whole():
    stream, number = io.StringIO(), [12]
    prints = Prints(stream, lambda: f"[trial {number[0]}] ")
    prints.write("a\nb")
    assert stream.getvalue() == "[trial 12] a\n"
    prints.write("c\n\n")
    print("one", "line", file=prints)
    prints.write("rest")
    prints.finish_line()
    number[0] = 13
    prints.write("next\n")
    assert stream.getvalue().splitlines() == [
        "[trial 12] a", "[trial 12] bc", "[trial 12] ", "[trial 12] one line", "[trial 12] rest", "[trial 13] next"
    ]  # fmt: skip


def test_of_a_bar_of_progress_the_last_version_is_handed_on():
    stream = io.StringIO()
    prints = Prints(stream, lambda: "> ")
    for percent in range(0, 101, 10):
        prints.write(f"\r{percent} %")
    prints.write("\nwindows\r\n")
    assert stream.getvalue() == "> 100 %\n> windows\n"


def test_nothing_of_a_long_line_is_lost():
    stream = io.StringIO()
    print("x" * 1_000_000, file=Prints(stream, lambda: "> "))
    assert stream.getvalue() == f"> {'x' * 1_000_000}\n> \n"


def test_threads_do_not_mix_their_lines():
    stream = io.StringIO()
    prints = Prints(stream, lambda: "> ")
    prints.write("mine ")
    other = threading.Thread(target=prints.write, args=["theirs\n"])
    other.start()
    other.join()
    prints.write("still\n")
    assert stream.getvalue() == "> theirs\n> mine still\n"


class Full(io.StringIO):
    def write(self, _):
        raise OSError(28, "No space left on device")

    def flush(self):
        raise OSError(28, "No space left on device")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Full(), closed()], ids=["full", "closed"])
def test_what_cannot_be_printed_is_no_error(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    with forgiving_prints():
        print("gone", flush=True)
        print("gone", file=sys.stderr)
        assert sys.stdout is not stream
    assert sys.stdout is stream
