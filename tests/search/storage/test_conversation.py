"""Operations that are waited for in a way that can be interrupted, without a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from archlab.search.storage.conversation import Conversation, StorageLeftError
from archlab.search.storage.interrupts import Interrupt, noticed_interrupts
from archlab.search.storage.server_limits import ServerLimits
from tests.waiting import DEADLINE


class Lines:
    """The connections of a server that never answers: operations return once they are cut."""

    def __init__(self):
        self.ended, self.cuts = threading.Event(), 0

    def cut(self):
        self.cuts += 1
        self.ended.set()


class Talk:
    """A conversation, what it said, and its connections."""

    def __init__(self, **limits):
        self.said, self.lines, self.interrupt = [], Lines(), Interrupt()
        limits = ServerLimits(**{"farewell": 0.1, **limits})
        self.conversation = Conversation(self.lines, limits, self.interrupt, self.said.append)
        self.ask, self.forever = self.conversation.ask, threading.Event()

    def never(self):
        """An operation that nothing ends, such as the look-up of a host's name."""
        self.forever.wait(DEADLINE)

    def interrupting(self, number=signal.SIGINT):
        """An operation in which the user interrupts, and that has no answer."""
        os.kill(os.getpid(), number)
        self.forever.wait(DEADLINE)


@pytest.fixture
def talk():
    made = Talk()
    yield made
    made.forever.set()


LEFT = "does not answer: what it was not told is judged again when the search is resumed"


def test_an_operation_gives_what_it_returns_or_raises(talk):
    assert talk.ask(lambda: 7) == 7
    with pytest.raises(KeyError, match="x"):
        talk.ask(lambda: {}["x"])
    assert talk.said == []


def test_one_thread_serves_many_operations_and_two_callers_have_two(talk):
    assert len({talk.ask(threading.get_ident) for _ in range(20)}) == 1
    inner = talk.ask(lambda: talk.ask(threading.get_ident))
    assert inner not in {threading.get_ident(), None}


def test_silence_is_told_once_and_its_end():
    talk = Talk(silence=0)
    for _ in range(2):
        talk.ask(lambda: threading.Event().wait(0.2))
    assert talk.said == ["has not answered for 0 s: waiting for it"]
    talk.conversation.well()
    talk.conversation.well()
    assert talk.said[1:] == ["answers again: going on"]


def test_what_is_silent_too_long_is_cut():
    talk = Talk(silence=0, answer=0.1)
    talk.ask(lambda: talk.lines.ended.wait(DEADLINE))
    assert talk.lines.cuts == 1
    assert not talk.conversation.is_left


def test_an_interrupt_leaves_an_operation_that_nothing_ends(talk):
    with pytest.raises(KeyboardInterrupt):
        talk.ask(talk.interrupting)
    assert talk.said == [LEFT]
    assert talk.lines.cuts == 1
    for _ in range(2):
        with pytest.raises(StorageLeftError):
            talk.ask(lambda: 7)
    assert talk.said == [LEFT]


def test_an_interrupt_lets_an_operation_end_that_is_about_to(talk):
    done = []

    def ending():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(threading.Event().wait(0.06))

    with pytest.raises(KeyboardInterrupt):
        talk.ask(ending)
    assert done == [False]
    assert talk.ask(lambda: 7) == 7, "the server is not left"


def test_after_an_interrupt_elsewhere_silence_is_not_waited_for(talk):
    talk.interrupt.noticed = True  # while the objective ran
    assert talk.ask(lambda: 7) == 7
    with pytest.raises(StorageLeftError):
        talk.ask(talk.never)
    with pytest.raises(StorageLeftError):
        talk.conversation.pause(1000)


def test_other_threads_end_with_the_interrupt(talk):
    raised = []

    def beat():
        try:
            talk.ask(talk.never)
        except KeyboardInterrupt as error:
            raised.append(type(error))

    thread = threading.Thread(target=beat)
    thread.start()
    talk.interrupt.noticed = True
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert raised == [StorageLeftError]


def test_a_pause_ends_with_an_interrupt(talk):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(StorageLeftError):
        talk.conversation.pause(1000)
    assert talk.said == [LEFT]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_are_noticed_and_do_what_they_did(number):
    came, before = [], signal.getsignal(number)
    signal.signal(number, lambda *_: came.append(number))
    try:
        with noticed_interrupts() as outer, noticed_interrupts() as inner:
            assert not inner.noticed
            os.kill(os.getpid(), number)
            assert inner.noticed
            assert outer.noticed
        with noticed_interrupts() as later:
            pass
        os.kill(os.getpid(), number)
        assert not later.noticed
        assert came == [number, number]
    finally:
        signal.signal(number, before)


def test_a_signal_that_python_does_not_handle_and_a_thread_are_left_alone():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with noticed_interrupts():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    entered = []

    def enter():
        with noticed_interrupts() as interrupt:
            entered.append(interrupt.noticed)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert entered == [False]


STUCK = """
import threading
from archlab.search.storage.conversation import Conversation, StorageLeftError
from archlab.search.storage.interrupts import Interrupt
from archlab.search.storage.server_limits import Connections, ServerLimits
limits = ServerLimits(farewell=0)
conversation = Conversation(Connections(limits), limits, Interrupt(noticed=True), print)
try:
    conversation.ask(threading.Event().wait)
except StorageLeftError:
    print("left")
"""


def test_a_process_does_not_wait_for_an_operation_that_has_no_answer():
    words = [sys.executable, "-c", STUCK]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, env=environment, capture_output=True, encoding="utf-8", timeout=DEADLINE, check=True)
    assert done.stdout.splitlines() == [LEFT, "left"]
    assert done.stderr == ""
