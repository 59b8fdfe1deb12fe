from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archlab.user_effects import kept_folder, refused_exits
from tests.waiting import DEADLINE


def test_leaving_is_an_exception_with_the_place_of_the_call():
    with pytest.raises(SystemExit), refused_exits() as calls:
        os._exit(3)
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert calls == [f"os._exit(3) (test_user_effects.py:{lines.index('        os._exit(3)') + 1})"]


def test_a_forked_process_ends_by_it_and_one_that_comes_back_ends_too():
    code = """
import os
from archlab.user_effects import refused_exits
with refused_exits():
    child = os.fork()
    if not child:
        os._exit(7)
    other = os.fork()
    if other:
        codes = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in (child, other)]
print(codes)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=DEADLINE
    )
    assert done.stdout == "[7, 1]\n"


def test_the_working_folder_is_put_back_also_where_it_was_renamed(tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    with kept_folder(there):
        assert Path.cwd() == there
        here.rename(tmp_path / "renamed")
    assert Path.cwd() == tmp_path / "renamed"
