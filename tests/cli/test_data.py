from __future__ import annotations

import json

from tests.cli.command_line import archlab
from tests.detect.test_yolo import put, whole


def test_data_check_prints_json_and_refuses_broken_data_with_its_line(tmp_path):
    whole(tmp_path)
    done = archlab("data", "check", tmp_path, "--input", "3x64x96", "--classes", "dog", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["format"], found["size"]) == ("archlab.data/1", [64, 96])
    assert [(part["name"], part["format"], part["images"]) for part in found["parts"]] == [
        ("train", "YOLO", 2),
        ("val", "YOLO", 1),
    ]
    assert [row["name"] for row in found["parts"][0]["classes"]] == ["dog"]
    put(tmp_path, labels__val__c_txt="dog .5 .5 1 1\n")
    done = archlab("data", "check", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "labels/val/c.txt: line 1: 'dog .5 .5 1 1' is not all numbers" in done.stderr
