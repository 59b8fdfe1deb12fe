from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from archlab import environment


def test_the_machine_is_its_processor_its_cores_and_its_system():
    found = environment.machine()
    assert list(found) == ["cpu", "cores", "system"]
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert environment.machine_line() == f"{found['cpu']}, {found['cores']} cores, {platform.system()}"
    assert platform.node() not in environment.machine_line()


def test_a_machine_without_a_list_of_processors_has_a_name_too(monkeypatch):
    def missing(*_args, **_kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert environment.machine()["cpu"] == (platform.processor() or platform.machine())


def test_versions_are_python_s_and_those_of_the_packages_that_are_named():
    assert environment.versions("torch") == {"python": platform.python_version(), "torch": version("torch")}
    assert list(environment.versions()) == ["python", *environment.PACKAGES]
