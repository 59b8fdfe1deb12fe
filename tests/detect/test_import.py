from __future__ import annotations

import subprocess
import sys

from tests.waiting import DEADLINE


def test_attaching_a_detector_does_not_import_torch():
    program = (
        "import sys, archlab\n"
        "from archlab.detect import DetectorSpec, attach, backbone_of\n"
        "graph = attach(archlab.elaborate(archlab.load('resnet18')), DetectorSpec())\n"
        "assert backbone_of(graph).output and 'torch' not in sys.modules and 'optuna' not in sys.modules\n"
        "from archlab.detect import torchvision_model\n"
        "assert callable(torchvision_model) and 'torch' in sys.modules and 'torchvision' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error():
    import pytest

    import archlab.detect

    with pytest.raises(AttributeError, match="has no attribute 'torchvison_model'"):
        _ = archlab.detect.torchvison_model
