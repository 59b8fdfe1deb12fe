"""Profiles as files: whole ones come back as they were, and every other is refused in one line."""

from __future__ import annotations

import dataclasses
import json

import pytest

from archlab.errors import InputError
from archlab.latency import read_predictor, read_profile
from archlab.latency.conditions import refuse_other_machine
from tests.latency.profiles import profile_here, write_here


def test_a_profile_comes_back_as_it_was(tmp_path):
    profile = profile_here("onnxruntime")
    from archlab.latency.profile import write_profile

    write_profile(tmp_path / "p.json", profile)
    back = read_profile(tmp_path / "p.json")
    assert back.profile == profile
    assert back.digest == profile.digest


BROKEN = {
    "another version": ({"schema": "archlab.latency/0"}, "is no profile of this version: its schema is"),
    "no kernels": ({"kernels": []}, "profile.kernels is empty"),
    "kernels that are a number": ({"kernels": 3}, "profile.kernels holds 3"),
    "a size too few": (
        {"kernels": [{"kind": "relu", "sizes": [1] * 12, "times": [1.0, 1.0, 1.0], "networks": 1}]},
        "profile.kernels[0].sizes holds 12 numbers, not 13",
    ),
    "a size of nothing": (
        {"kernels": [{"kind": "relu", "sizes": [0] + [1] * 12, "times": [1.0, 1.0, 1.0], "networks": 1}]},
        "profile.kernels[0].sizes holds a size that no kernel has",
    ),
    "groups without end": (
        {"kernels": [{"kind": "relu", "sizes": [10**12] * 13, "times": [1.0, 1.0, 1.0], "networks": 1}]},
        "profile.kernels[0].sizes holds a size that no kernel has",
    ),
    "a time below zero": (
        {"kernels": [{"kind": "relu", "sizes": [1] * 13, "times": [1.0, -1.0, 1.0], "networks": 1}]},
        "profile.kernels[0].times[1] holds -1.0",
    ),
    "one time": (
        {"kernels": [{"kind": "relu", "sizes": [1] * 13, "times": [1.0], "networks": 1}]},
        "profile.kernels[0].times holds 1 numbers, not 3",
    ),
    "a law below zero": ({"laws": {"relu": [-1.0] * 12}}, "profile.laws.relu[0] holds -1.0"),
    "a law too short": ({"laws": {"relu": [1.0]}}, "profile.laws.relu holds 1 numbers, not 12"),
    "a scale of a day": ({"scale": 1e9}, "profile.scale holds 1000000000.0"),
    "an unknown backend": ({"setting": {"backend": "tvm"}}, "profile.setting.backend holds 'tvm'"),
    "no threads": (
        {"setting": {"backend": "torch", "threads": 0}},
        "the number of threads must be at least 1, not 0",
    ),
    "an unknown part": ({"more": 1}, "profile has no part 'more'"),
    "versions without the backend": (
        {"machine": {"cpu": "", "cores": 1, "system": "", "accelerator": "", "versions": {}}},
        "profile.machine.versions lacks torch",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_profile_is_one_line(name, tmp_path):
    changes, message = BROKEN[name]
    path = write_here(tmp_path / "p.json")
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | changes))
    with pytest.raises(InputError) as caught:
        read_predictor(path)
    assert message in caught.value.message
    assert caught.value.message.startswith(str(path))
    assert "\n" not in caught.value.message
    assert caught.value.hint == "make it again with `archlab device profile`"


def test_a_profile_that_is_cut_off_is_one_line(tmp_path):
    path = write_here(tmp_path / "p.json")
    path.write_text(path.read_text()[:200])
    with pytest.raises(InputError, match="is not JSON: line 1"):
        read_predictor(path)


OTHERS = {
    "processor": (lambda p: dataclasses.replace(p.machine, cpu="Other"), "its processor is Other, here "),
    "cores": (lambda p: dataclasses.replace(p.machine, cores=4096), "its cores is 4096, here "),
    "version": (
        lambda p: dataclasses.replace(p.machine, versions={**p.machine.versions, "torch": "0.4"}),
        "its torch is 0.4, here ",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_profile_of_another_machine_is_refused_with_the_difference(name, tmp_path):
    change, message = OTHERS[name]
    path = write_here(tmp_path / "p.json", machine=change(profile_here()))
    with pytest.raises(InputError, match="is not of this machine as it is") as caught:
        read_profile(path)
    assert message in caught.value.message
    assert read_predictor(path).path == path, "predicting for it needs no such machine"


def test_a_profile_on_other_threads_is_refused():
    refuse_other_machine(profile_here(), "p.json", threads=1)
    with pytest.raises(InputError, match="its threads is 1, here 4"):
        refuse_other_machine(profile_here(), "p.json", threads=4)
