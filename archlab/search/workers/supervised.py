"""A worker that another process of this machine has started and watches: ``start.py`` runs this file as a program."""

from __future__ import annotations

import functools
import os
import signal
import sys
import traceback

from archlab.errors import ArchlabError
from archlab.search.workers.channel import Task, read_task, say
from archlab.search.workers.lifeline import Lifeline, end_group
from archlab.user_prints import Prints


class _Evaluation:
    """The evaluation that this process is at, which heads the lines that it prints."""

    def __init__(self, answers: int, several: bool) -> None:
        self._answers, self._several = answers, several
        self._number: int | None = None
        if sys.stderr is not None:
            sys.stdout = self._prints = Prints(sys.stderr, self._head)
            sys.stderr = Prints(sys.stderr, self._head)

    def announce(self, number: int | None) -> None:
        """Say which trial's evaluation has begun; None when it has ended."""
        if number is None:
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, Prints):
                    stream.finish_line()
        self._number = number
        say(self._answers, "evaluating", number)

    def _head(self) -> str:
        return f"[trial {self._number}] " if self._several and self._number is not None else ""


def main(task_pipe: int, answers: int) -> None:
    """Do the task that comes through one pipe, and answer through the other."""
    for descriptor in (task_pipe, answers):
        os.set_inheritable(descriptor, False)  # what an objective starts has nothing to do with them
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _carry_out(task_pipe, answers)
    except KeyboardInterrupt:  # asked to end while it was about to
        pass
    finally:
        # From here on there is nothing to put in order: torch's own end would only fail with a traceback.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _carry_out(task_pipe: int, answers: int) -> None:
    lifeline = Lifeline(task_pipe)
    try:
        task = read_task(task_pipe)
        lifeline.start()
        say(answers, "done", _work(task, answers))
    except ArchlabError as error:
        say(answers, "refused", str(error))
    except (KeyboardInterrupt, EOFError):
        pass
    except BaseException:
        say(answers, "crashed", traceback.format_exc())
    if lifeline.is_cut:
        end_group()


def _work(task: Task, answers: int) -> str | None:
    from archlab.search.workers.join import work

    evaluation = _Evaluation(answers, task.several)
    evaluation.announce(None)
    note = functools.partial(_note, sys.stderr)
    history = work(
        task.storage,
        task.study,
        objectives=task.objectives,
        timeout=task.timeout,
        note=note,
        one_stage=True,
        announce=evaluation.announce,
        stream=task.stream,
    )
    return history.interrupted


def _note(stream: object, message: str) -> None:
    print(f"archlab: {message}", file=stream, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
