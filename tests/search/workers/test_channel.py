from __future__ import annotations

import os

import pytest

from archlab.search.workers.channel import Answers, Task, read_task, say, write_task

TASK = Task("postgresql://me:secret@host/db", "many", ("quick.py:value",), 1.5, 0, several=True)


@pytest.fixture
def pipe():
    read, write = os.pipe()
    ends = {"read": read, "write": write}
    yield ends
    for end in ends.values():
        os.close(end)


def test_a_task_arrives_as_it_was_given(pipe):
    write_task(pipe["write"], TASK)
    assert read_task(pipe["read"]) == TASK


def test_a_worker_whose_parent_is_gone_before_it_has_a_task_learns_it(pipe):
    os.close(pipe.pop("write"))
    with pytest.raises(EOFError):
        read_task(pipe["read"])


def test_answers_are_read_as_far_as_they_are_there(pipe):
    answers = Answers(pipe["read"])
    assert list(answers.new()) == []
    os.write(pipe["write"], b'{"evaluating": 3}\n{"evalu')
    assert list(answers.new()) == [("evaluating", 3)]
    os.write(pipe["write"], b'ating": null}\n')
    say(pipe["write"], "done", None)
    assert list(answers.new()) == [("evaluating", None), ("done", None)]
    os.close(pipe.pop("write"))
    assert list(answers.new()) == []


def test_nobody_has_to_hear_an_answer(pipe):
    os.close(pipe.pop("read"))
    say(pipe["write"], "evaluating", 1)
