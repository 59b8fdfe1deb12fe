"""What ``archlab.roi`` offers, and what it imports for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torchvision

import archlab.roi
from tests.waiting import DEADLINE


def test_dir_shows_the_public_names_and_each_exists() -> None:
    assert dir(archlab.roi) == sorted(archlab.roi.__all__)
    for name in archlab.roi.__all__:
        assert getattr(archlab.roi, name).__name__ == name


def test_names_of_torchvision_are_here() -> None:
    theirs = {name for name in torchvision.ops.__all__ if "roi" in name.lower() and not name.lower().startswith("ps_")}
    assert theirs - set(archlab.roi.__all__) == {"PSRoIAlign", "PSRoIPool"}


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"'archlab\.roi' has no attribute 'roi_algin'"):
        _ = archlab.roi.roi_algin


def test_triton_is_imported_for_cuda_alone() -> None:
    code = (
        "import sys, torch, archlab.roi as r\n"
        "r.roi_align(torch.ones(1, 1, 4, 4), torch.tensor([[0, 1.0, 1, 3, 3]]), 2)\n"
        "sys.exit('archlab.roi.triton_boxes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=DEADLINE).returncode == 0
