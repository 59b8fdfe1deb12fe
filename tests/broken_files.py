"""Broken files, each with the command that is given it, and the whole message that follows. The exit code is 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from archlab.search.calibration import SCHEMA
from archlab.search.features import FEATURES
from tests.detect.folders import tiny

TINY = b"net tiny(input=3x16x16)\nstem: conv({4, 8}, 3, s=2)\nhead: gap -> fc(10)\n"
AGAIN = "\n  hint: run the same `archlab search` again: it resumes its study and writes the result again"
FIT = "\n  hint: make it with `archlab calibrate`"
UTF8 = "\n  hint: save it as UTF-8"
INPUTS = len(FEATURES)


@dataclass(frozen=True)
class Broken:
    """A file, given to a command in a folder that holds nothing else, and what comes of it."""

    what: str
    file: str
    content: bytes
    command: tuple[str, ...]
    message: str


def rows(kind: str, file: str, command: str, *cases: tuple[str, bytes | str, str]) -> list[Broken]:
    """Return a row for each case: what is broken, the file's content, and the message."""
    return [
        Broken(
            f"{kind}: {what}", file, text if isinstance(text, bytes) else text.encode(), tuple(command.split()), said
        )
        for what, text, said in cases
    ]


def calibration(**changes: Any) -> str:
    """Return a calibration without scores, with changes; None takes a part out."""
    data = {"space": "tiny", "scores": [], "center": [0.0] * INPUTS, "weights": [1.0] * INPUTS, "offset": 0.0,
            "networks": 10, "kendall": 0.5, "spearman": 0.5, "kendall_equal_macs": 0.5, "schema": SCHEMA}  # fmt: skip
    return json.dumps({key: value for key, value in (data | changes).items() if value is not None})


def coco(change: Callable[[dict[str, Any]], object]) -> str:
    """Return the small data set, changed."""
    data = tiny()
    change(data)
    return json.dumps(data)


def result(**parts: Any) -> str:
    """Return the smallest result, with parts changed or added."""
    data = {"space": "tiny", "space_text": "", "command": "", "seed": 0, "sampler": "screen", "versions": {},
            "machine": "", "budgets": {}, "objectives": [], "trials": [], "finalists": [], "smallest": {},
            "schema": "archlab.search/1"}  # fmt: skip
    return json.dumps(data | parts)


def trial(**changes: Any) -> dict[str, Any]:
    """Return a trial of a result, changed."""
    return {"number": 0, "state": "scored", "draws": {}, "cost": {}, "values": {}} | changes


TABLE = [
    *rows(
        "pyproject.toml", "pyproject.toml", "audit",
        ("no TOML", "[tool",
         "pyproject.toml is not TOML: expected ']' at the end of a table declaration (at end of document)"),
        ("empty", "", "there is nothing to audit\n  hint: name a model, such as torchvision:resnet50"),
        ("a byte that is no UTF-8", b"[tool]\nname = '\xff'\n",
         "cannot read pyproject.toml: it is not UTF-8 text: byte 0xff in line 2, 15 bytes from the start" + UTF8),
        ("UTF-16", "[tool]".encode("utf-16"),
         "cannot read pyproject.toml: it is not UTF-8 text: byte 0xff in line 1, 0 bytes from the start" + UTF8),
        ("a key twice", "a = 1\na = 2\n",
         "pyproject.toml is not TOML: cannot overwrite a value (at line 2, column 6)"),
        ("thousands of digits", "a = " + "9" * 5000,
         "pyproject.toml is not TOML: a number in it has thousands of digits"),
        ("deep lists", "a = " + "[" * 5000, "pyproject.toml is not TOML within limits: it nests deeper than 64"),
        ("a key of a thousand parts", ".".join("a" * 1000) + " = 1",
         "pyproject.toml is not TOML within limits: it nests deeper than 64"),
        ("tool is a number", "tool = 3", "pyproject.toml [tool] must be a table, not '3'"),
        ("archlab is a list", "tool.archlab = []", "pyproject.toml [tool.archlab] must be a table, not '[]'"),
        ("audit is a text", "tool.archlab.audit = 'x'",
         "pyproject.toml [tool.archlab.audit] must be a table, not 'x'"),
        ("an unknown key", "[tool.archlab.audit]\ntarget = 'x'",
         "pyproject.toml [tool.archlab.audit]: unknown key 'target'\n  hint: did you mean targets?"),
        ("a batch of nothing", "[tool.archlab.audit]\nbatch = 0",
         "pyproject.toml [tool.archlab.audit]: batch must be a whole number from 1 to 1,048,576, not 0"),
        ("a batch without end", "[tool.archlab.audit]\nbatch = " + "9" * 400,
         "pyproject.toml [tool.archlab.audit]: batch must be a whole number from 1 to 1,048,576, not 999999999999999999999999999999999999999999999999999999999999"),
        ("a target that is a number", "[tool.archlab.audit]\ntargets = [1]",
         "pyproject.toml [tool.archlab.audit]: targets must be a text or a list of texts"),
        ("limits that are a text", "[tool.archlab.audit]\nlimits = 'x'",
         "pyproject.toml [tool.archlab.audit]: limits must be a table of targets"),
        ("a file's name with a NUL", '[tool.archlab.audit]\ntargets = "tiny"\ninput = "a\\u0000.json"',
         "cannot read 'a\\x00.json': no file can have this name"),
        ("a target with a NUL", '[tool.archlab.audit]\ntargets = "a\\u0000.pt2"', "'a\\x00.pt2': no such file"),
        ("too large", "#" * (2**20 + 1), "cannot read pyproject.toml: it is larger than 1,048,576 bytes"),
    ),
    *rows(
        "input spec", "spec.json", "audit resnet18 --input spec.json",
        ("empty", "", "spec.json is not JSON: it is empty"),
        ("cut off", '{"args": [{"shape"', "spec.json is not JSON: line 1, column 19: expecting ':' delimiter"),
        ("a list", "[]", "spec.json must hold an object, not a list"),
        ("null", "null", "spec.json must hold an object, not null"),
        ("an unknown part", '{"arg": []}',
         "spec.json must hold an object of args and kwargs\n  hint: such as {\"args\": [{\"shape\": [\"N\", 3, 224, 224]}]}"),
        ("a key twice", '{"args": [], "args": []}', "spec.json: the key 'args' stands twice in one object"),
        ("a size that is a text", '{"args": [{"shape": ["M", 3]}]}',
         "spec.json: args[0]: sizes must be whole numbers or \"N\", not \"['M', 3]\""),
        ("a size below zero", '{"args": [{"shape": [-1, 3]}]}',
         "spec.json: args[0]: sizes must be whole numbers or \"N\", not '[-1, 3]'"),
        ("a size that is true", '{"args": [{"shape": [true, 3]}]}',
         "spec.json: args[0]: sizes must be whole numbers or \"N\", not '[True, 3]'"),
        ("too many elements", '{"args": [{"shape": [1000000, 1000000]}]}',
         "spec.json: args[0]: 1000000x1000000 is more than 17179869184 elements"),
        ("a hundred dimensions", json.dumps({"args": [{"shape": [1] * 100}]}),
         "spec.json: args[0]: 100 dimensions are more than 64"),
        ("a type that is a list", '{"args": [{"shape": [1], "dtype": ["int64"]}]}',
         "spec.json: args[0]: there is no type \"['int64']\"\n  hint: did you mean int64?"),
        ("an unknown type", '{"args": [{"shape": [1], "dtype": "int65"}]}',
         "spec.json: args[0]: there is no type 'int65'\n  hint: did you mean int64 or int16?"),
        ("a bound beyond 64 bits", '{"args": [{"shape": [1], "high": 9223372036854775808}]}',
         "spec.json: args[0]: shape must be a list and high a whole number from 1 to 2**63 - 1"),
        ("an unknown key of a tensor", '{"args": [{"shape": [1], "\\u001b[2J": 1}]}',
         "spec.json: args[0]: a tensor has no '\\x1b[2J'\n  hint: it has shape, dtype and high"),
        ("no finite number", '{"args": [1, NaN]}', "spec.json: args[1] is NaN, which is no finite number"),
        ("deep lists", '{"args": ' + "[" * 100 + "]" * 100 + "}",
         "spec.json is not JSON within limits: it nests deeper than 64"),
        ("thousands of digits", '{"args": [' + "9" * 5000 + "]}",
         "spec.json: a number in it has thousands of digits"),
        ("half of a character", '{"args": ["\\ud800"]}',
         "spec.json: args[0] holds half of a surrogate pair, \\ud800"),
    ),
    *rows(
        "calibration", "c.json", "search tiny.arch -o c.json -n 1",
        ("no JSON", "weights", "c.json is not JSON: line 1, column 1: expecting value"),
        ("a list", "[]", "c.json must hold an object, not a list"),
        ("of another version", calibration(schema="archlab.calibration/0"),
         "c.json is not a calibration of this version: its schema is 'archlab.calibration/0', not 'archlab.calibration/1'" + FIT),
        ("without weights", calibration(weights=None),
         "c.json is not a calibration of this version: calibration lacks its part 'weights'" + FIT),
        ("too few weights", calibration(weights=[1.0]),
         "c.json is not a calibration of this version: weights holds 1 numbers for 10 inputs" + FIT),
        ("a center too many", calibration(center=[0.0] * (INPUTS + 1)),
         "c.json is not a calibration of this version: center holds 11 numbers for 10 inputs" + FIT),
        ("a weight that is a text", calibration(weights=["1"] * INPUTS),
         "c.json is not a calibration of this version: calibration.weights[0] holds '1'" + FIT),
        ("an infinite offset", calibration(offset=0.0).replace('"offset": 0.0', '"offset": 1e999'),
         "c.json: offset is Infinity, which is no finite number"),
        ("an unknown score", calibration(scores=["synflw"]),
         "c.json is not a calibration of this version: there is no score 'synflw'" + FIT),
        ("scores that are a number", calibration(scores=5),
         "c.json is not a calibration of this version: calibration.scores holds 5" + FIT),
        ("an unknown part", calibration(more=1),
         "c.json is not a calibration of this version: calibration has no part 'more'" + FIT),
    ),
    *rows(
        "calibration CSV", "t.csv", "calibrate tiny.arch --from t.csv --out c.json",
        ("empty", "", "t.csv is not CSV: its first line names no columns"),
        ("no value", "stem.conv.c\n4\n", "t.csv has no column 'value'\n  hint: one of: stem.conv.c"),
        ("a value that is a text", "stem.conv.c,value\n4,high\n",
         "t.csv, row 1: value is 'high', not a number up to 1e+100"),
        ("a value that is no number", "stem.conv.c,value\n4,1.0\n8,nan\n",
         "t.csv, row 2: value is 'nan', not a number up to 1e+100"),
        ("an infinite value", "stem.conv.c,value\n4,1e999\n",
         "t.csv, row 1: value is '1e999', not a number up to 1e+100"),
        ("a row too short", "stem.conv.c,value\n4,1\n8\n", "t.csv, line 3: it has 1 cells, not 2"),
        ("a row too long", "stem.conv.c,value\n4,1,2\n", "t.csv, line 2: it has 3 cells, not 2"),
        ("a column twice", "value,value\n1,2\n", "t.csv: two columns have the name 'value'"),
        ("a quote left open", 'stem.conv.c,value\n"4,1\n', "t.csv is not CSV: line 2: unexpected end of data"),
        ("a cell without end", "stem.conv.c,value\n" + "4" * 200_000 + ",1\n",
         "t.csv is not CSV: line 2: field larger than field limit (131072)"),
        ("a hole's value that is none", "stem.conv.c,value\n\x1b[2J,1\n",
         "t.csv, row 1: stem.conv.c cannot be '\\x1b[2J' (it takes {4, 8})"),
        ("no UTF-8", b"stem.conv.c,value\n4,1\n\xe9,2\n",
         "cannot read t.csv: it is not UTF-8 text: byte 0xe9 in line 3, 22 bytes from the start" + UTF8),
        ("too few rows", "stem.conv.c,value\n4,1\n8,2\n",
         "a calibration needs at least 10 networks of different values, not 2"),
    ),
    *rows(
        "COCO", "train.json", "search detection --data train.json -n 1",
        ("no JSON", "{'images': []}",
         "train.json is not JSON: line 1, column 2: expecting property name enclosed in double quotes"),
        ("lists that are objects", '{"images": {}, "annotations": [], "categories": []}',
         "train.json: it has no categories"),
        ("without categories", '{"images": [], "annotations": []}',
         "train.json is not in COCO format\n  hint: it needs the lists images, annotations and categories"),
        ("a file name of 300 letters", coco(lambda d: d["images"][0].update(file_name="a" * 300)),
         "train.json: its image " + "a" * 40 + "… is in none of ., images, images, train, train"),
        ("a second file name of 300 letters", coco(lambda d: d["images"][1].update(file_name="a" * 300)),
         "train.json: image 3: there is no file " + "a" * 300),
        ("a file name that leads out", coco(lambda d: d["images"][1].update(file_name="../\x1b[2Jb.png")),
         "train.json: image 3: file_name '../\\x1b[2Jb.png' leads out of the data's folder"),
        ("an image without a name", coco(lambda d: d["images"][1].pop("file_name")),
         "train.json: image 3: file_name is None, not a file's name"),
        ("an image without a width", coco(lambda d: d["images"][1].pop("width")),
         "train.json: image 3: width is None, not a whole number of 64 bits above 0"),
        ("an image id beyond 64 bits", coco(lambda d: d["images"][1].update(id=2**70)),
         "train.json: image: id is 1180591620717411303424, not a whole number of 64 bits"),
        ("a height of no number", coco(lambda d: d["images"][1].update(height=float("nan"))),
         "train.json: images[1].height is NaN, which is no finite number"),
        ("a box below zero", coco(lambda d: d["annotations"][0].update(bbox=[1, 1, -2, 3])),
         "train.json: annotation 1: bbox is [1, 1, -2, 3], not [x, y, width, height]"),
        ("a box of three", coco(lambda d: d["annotations"][0].update(bbox=[1, 1, 2])),
         "train.json: annotation 1: bbox is [1, 1, 2], not [x, y, width, height]"),
        ("a box of texts", coco(lambda d: d["annotations"][0].update(bbox=["1", "1", "2", "2"])),
         "train.json: annotation 1: bbox is ['1', '1', '2', '2'], not [x, y, width, height]"),
        ("no box", coco(lambda d: d["annotations"][0].pop("bbox")),
         "train.json: annotation 1: bbox is None, not [x, y, width, height]"),
        ("an annotation of no image", coco(lambda d: d["annotations"][0].update(image_id=99)),
         "train.json: annotation 1: there is no image 99"),
        ("an annotation that is a list", coco(lambda d: d["annotations"].append([])),
         "train.json: annotations is not a list of objects"),
        ("a category without an id", coco(lambda d: d["categories"][0].pop("id")),
         "train.json: category: id is None, not a whole number of 64 bits"),
        ("two categories of one id", coco(lambda d: d["categories"][0].update(id=2)),
         "train.json: two categories have the same id"),
    ),
    *rows(
        "data folder", "folder/notes.txt", "search detection --data folder -n 1",
        ("without annotations", "",
         "folder holds no annotations that are known\n  hint: name a COCO file (.json), a YOLO data set (data.yaml, or "
         "images and labels), or a folder of VOC's XML files"),
    ),
    *rows(
        "data folder", "folder/train.json", "search detection --data folder -n 1",
        ("with a list", "[]",
         "folder/train.json is not in COCO format\n  hint: it needs the lists images, annotations and categories"),
    ),
    *rows(
        "result", "result.json", "report result.json",
        ("empty", "", "result.json is not JSON: it is empty" + AGAIN),
        ("cut off", result()[:-20], "result.json is not JSON: line 1, column 204: expecting value" + AGAIN),
        ("a list", "[]", "result.json must hold an object, not a list" + AGAIN),
        ("of another version", result(schema="archlab.search/0"),
         "result.json is not a result of this version: its schema is 'archlab.search/0', not 'archlab.search/1'" + AGAIN),
        ("a schema that is an object", result(schema={"\x1b[2J": 1}),
         "result.json is not a result of this version: its schema is {'\\x1b[2J': 1}, not 'archlab.search/1'" + AGAIN),
        ("without a part", result().replace('"seed": 0, ', ""),
         "result.json is not a whole result file: result lacks its part 'seed'" + AGAIN),
        ("an unknown part", result(colour="red"),
         "result.json is not a whole result file: result has no part 'colour'" + AGAIN),
        ("a state that is none", result(trials=[trial(state="lost")]),
         "result.json is not a whole result file: result.trials[0].state holds 'lost'" + AGAIN),
        ("a trial that is a text", result(trials=["x"]),
         "result.json is not a whole result file: result.trials[0] holds 'x', not an object" + AGAIN),
        ("a cost that is a text", result(trials=[trial(cost={"macs": "many"})]),
         "result.json is not a whole result file: result.trials[0].cost.macs holds 'many'" + AGAIN),
        ("a cost without end", result(trials=[trial(cost={"macs": 10**400})]),
         "result.json is not a whole result file: result.trials[0].cost.macs holds 1000000000000000000000000000000000000000" + AGAIN),
        ("a detail of no number", result(trials=[trial(details={"x": {"y": float("nan")}})]),
         "result.json: trials[0].details.x.y is NaN, which is no finite number" + AGAIN),
        ("a number that is true", result(trials=[trial(number=True)]),
         "result.json is not a whole result file: result.trials[0].number holds True" + AGAIN),
        ("not UTF-8", result(space="é").encode("latin-1", "replace").replace(b"\\u00e9", b"\xe9"),
         "cannot read result.json: it is not UTF-8 text: byte 0xe9 in line 1, 11 bytes from the start" + UTF8),
    ),
    *rows(
        "block strings", "b.txt", "import --timm-arch b.txt",
        ("empty", "", "b.txt: there are no block strings\n  hint: write them like ir_r2_k3_s2_e6_c24_se0.25"),
        ("not UTF-8", b"ds_r1\xff\n",
         "cannot read b.txt: it is not UTF-8 text: byte 0xff in line 1, 5 bytes from the start" + UTF8),
        ("an escape sequence", "ds_r1_\x1b[31m\n",
         "b.txt:1: ds_r1_\ufffd[31m: '\\x1b[31m' means nothing in a block of type ds"),
        ("a line without end", "ds_" + "9" * 100_000,
         "b.txt:1: ds_99999999999999999999999999999999999999999999999999999999999999999999999999999…: '9999999999999999999999999999999999999999…' means nothing in a block of type ds"),
        ("a number without end", "ir_r2_k3_s2_e6_c" + "9" * 400,
         "b.txt:1: ir_r2_k3_s2_e6_c9999999999999999999999999999999999999999999999999999999999999999…: 'c999999999999999999999999999999999999999…' has more than 18 digits"),
    ),
    *rows(
        "text", "n.arch", "show n.arch",
        ("empty", "",
         "n.arch:1:1: found end of text where 'net' should stand\n  hint: every text begins like  net name(input=3x224x224)"),
        ("a NUL", b"net n(input=3x8x8)\ns: re\x00lu\n",
         "n.arch:2:6: the character '\\x00' means nothing here\n  s: re\ufffdlu\n       ^"),
        ("an escape sequence", "net n(input=3x8x8)\ns: \x1b[2Jrelu\n",
         "n.arch:2:4: the character '\\x1b' means nothing here\n  s: \ufffd[2Jrelu\n     ^"),
        ("not UTF-8", b"net n(input=3x8x8)\ns: relu # \xe9\n",
         "cannot read n.arch: it is not UTF-8 text: byte 0xe9 in line 2, 29 bytes from the start" + UTF8),
        ("UTF-16", "net n(input=3x8x8)\n".encode("utf-16"),
         "cannot read n.arch: it is not UTF-8 text: byte 0xff in line 1, 0 bytes from the start" + UTF8),
        ("half of a mark", b"\xef\xbbnet n(input=3x8x8)\n",
         "cannot read n.arch: it is not UTF-8 text: byte 0xef in line 1, 0 bytes from the start" + UTF8),
        ("a right-to-left override", "net n(input=3x8x8)\ns: \u202erelu\n",
         "n.arch:2:4: the character '\\u202e' means nothing here\n  s: \ufffdrelu\n     ^"),
        ("too long", "#" * 200_000, "n.arch: the text is longer than 100000 characters"),
    ),
]  # fmt: skip
