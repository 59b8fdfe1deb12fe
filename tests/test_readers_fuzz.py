"""Any bytes in a file give a value or an ArchlabError that can be printed, soon, in every reader.

The inputs are the same on every run; all of them together take about five seconds of the processor.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archlab.audit.audit_request import request_over
from archlab.audit.config import read_config
from archlab.audit.input_spec import parse_inputs
from archlab.detect.data_source import Source
from archlab.detect.voc import read_voc
from archlab.detect.yolo import read_yolo
from archlab.elaborate import Interpreter, elaborate, load
from archlab.errors import ArchlabError
from archlab.exchange.timm_in import from_timm
from archlab.grammar import parse, parse_file
from archlab.reading import read_text
from archlab.report.search_page import render_report
from archlab.search.calibration import read_calibration, read_trained
from archlab.search.result import read_result, to_json
from tests import broken_files
from tests.detect.folders import tiny, write
from tests.mutations import mutated_bytes, mutated_json
from tests.report import detectors, results
from tests.steps import ends_in_processor_time

TOML = b"""\
[project]
name = "x"
version = 1.5

[tool.archlab.audit]
targets = ["m.py:small", "resnet50"]
input = "3x8x8"
batch = 2
max = ["macs=600M", "params=5M"]

[tool.archlab.audit.limits]
"m.py:small" = ["macs=4.2G"]
"""
DATA_YAML = b"""\
path: .
train: images
names:
  0: early
  1: late
nc: 2
"""
LABELS = b"0 0.5 0.5 0.5 0.5\n1 0.25 0.5 0.125 0.5\n0 0.1 0.1 0.5 0.1 0.5 0.5\n"
VOC = b"""\
<annotation>
<filename>a.png</filename>
<size><width>40</width><height>20</height></size>
<object><name>cat</name>
<bndbox><xmin>10</xmin><ymin>5</ymin><xmax>30</xmax><ymax>15</ymax></bndbox></object>
</annotation>
"""
STRINGS = b"""\
name efficientnet_b0
stem 32
act swish
se in
head 1280
dropout 0.2
ds_r1_k3_s1_e1_c16_se0.25
ir_r2_k3_s2_e6_c24_se0.25
ir_r1_k5_s2_e6_c40_se0.25 cn_r1_k3_s1_c40_skip
"""
CSV = b"stem.conv.c,value\n4,0.5\n8,0.25\n4,1e-3\n"
SPEC = {
    "args": [{"shape": ["N", 3, 8, 8]}, {"shape": ["N", 5], "dtype": "int64", "high": 9}, [1, "a", None]],
    "kwargs": {"x": {"y": [{"shape": [2]}]}, "shape": [1]},
}


def read_spec(file: Path) -> None:
    call = parse_inputs([str(file)], 2)
    assert call is not None
    call.make("meta")
    str(call)


def read_labels(file: Path) -> None:
    (file.parent / "images").mkdir(exist_ok=True)
    (file.parent / "images" / "a.png").write_bytes((file.parent / "a.png").read_bytes())
    (file.parent / "labels").mkdir(exist_ok=True)
    if file.suffix == ".yaml":
        (file.parent / "labels" / "a.txt").write_bytes(LABELS)
        read_yolo(file, "train")
    else:
        (file.parent / "labels" / "a.txt").write_bytes(file.read_bytes())
        (file.parent / "data.yaml").write_bytes(DATA_YAML)
        read_yolo(file.parent / "data.yaml", "train")


def read_table(file: Path) -> object:
    return read_trained(file, Interpreter(load(parse(broken_files.TINY.decode()))), None)


def short(result: Any) -> Any:
    """Return a result as JSON data, with few enough trials that most changes meet a field of another kind."""
    data = json.loads(to_json(result))
    return data | {"trials": data["trials"][:6], "finalists": data["finalists"][:2]}


READERS: dict[str, tuple[str, int, Callable[[], Any], Callable[[Path], object]]] = {
    "COCO": ("train.json", 700, tiny, lambda file: Source(file).digest),
    "YOLO": ("data.yaml", 200, lambda: DATA_YAML, read_labels),
    "YOLO labels": ("labels.txt", 200, lambda: LABELS, read_labels),
    "VOC": ("a.xml", 400, lambda: VOC, lambda file: read_voc(file.parent, "train")),
    "result": ("result.json", 400, lambda: short(results.staged()), read_result),
    "report": ("result.json", 40, lambda: short(results.staged()), lambda file: render_report(read_result(file))),
    "detectors' report": (
        "result.json", 40, lambda: short(detectors.search()), lambda file: render_report(read_result(file)),
    ),
    "calibration": ("c.json", 700, lambda: json.loads(broken_files.calibration()), read_calibration),
    "input spec": ("spec.json", 700, lambda: SPEC, read_spec),
    "CSV": ("t.csv", 700, lambda: CSV, read_table),
    "TOML": ("pyproject.toml", 700, lambda: TOML, lambda file: request_over(read_config(file.parent))),
    "block strings": ("b.txt", 300, lambda: STRINGS, lambda file: elaborate(from_timm(read_text(file), file.name))),
    "text": ("n.arch", 200, lambda: broken_files.TINY, lambda file: elaborate(parse_file(file))),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_any_bytes_give_a_value_or_an_error_in_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, tiny())
    file_name, times, make, read = READERS[name]
    valid, file, generator = make(), Path(file_name).absolute(), random.Random(0)
    is_json = not isinstance(valid, bytes)
    whole = json.dumps(valid, indent=1).encode() if is_json else valid
    file.write_bytes(whole)
    read(file)
    refused = 0
    with ends_in_processor_time():
        for number in range(times):
            changed = mutated_json(valid, generator) if is_json and number % 4 else mutated_bytes(whole, generator)
            file.write_bytes(changed)
            try:
                read(file)
            except ArchlabError as error:
                refused += 1
                said = str(error)
                assert all(c.isprintable() or c in "\n\t" for c in said), changed
                assert len(said) < 3000, changed
            except Exception as error:
                raise AssertionError(f"{type(error).__name__} of {changed!r}"[:2000]) from error
    assert times / 2 < refused < times, "most changes break a file, and some do not"
