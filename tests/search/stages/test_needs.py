"""What later stages need is missed before the first trial."""

from __future__ import annotations

import shutil
import sys
from collections import namedtuple

import pytest

import archlab
from archlab.errors import InputError
from tests.search.conftest import TINY


def run(tmp_path, objective, **options):
    options = {"trials": 2, "latency": False, "out": tmp_path / "out", **options}
    return archlab.search(archlab.parse(TINY), objective=objective, **options)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("pycocotools.cocoeval", "the objective train of stage 2 needs pycocotools: "),
        ("torchvision.models.detection", "the objective train of stage 2 needs torchvision: "),
        ("PIL.Image", "the report of detection data needs pillow: "),
    ],
)
def test_a_package_that_is_not_there(tmp_path, monkeypatch, objective_file, calls, module, message):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=message) as refused:
        run(tmp_path, objective_file("return 1.0"), train_top=1)
    assert refused.value.hint == "pip install 'archlab[detect]'"
    assert calls() == []


def test_a_disk_that_is_nearly_full(tmp_path, monkeypatch, objective_file, calls):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100 << 20, 99 << 20, 1 << 20))
    with pytest.raises(InputError, match=r"out has room for 1\.000 MiB, and a search of several stages needs"):
        run(tmp_path, objective_file("return 1.0"), then="macs")
    assert calls() == []
    assert run(tmp_path, objective_file("return 1.0")).counts()["scored"] == 2, "of one stage it may be enough"
