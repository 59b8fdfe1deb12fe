"""Files are read in one place: nothing else in archlab parses JSON, TOML or CSV from a file, or opens one as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import archlab

PACKAGE = Path(archlab.__file__).parent
READER = "reading.py"
PARSERS = {"json.load", "json.loads", "tomllib.load", "tomllib.loads", "csv.reader", "csv.DictReader"}
OPENERS = {"read_text", "read_bytes", "open"}
LOOKS = {"is_file", "is_dir", "exists", "is_symlink", "is_fifo"}
LOOKED_UP_BEFORE = {
    "detect/image_list.py": "what a folder was found to hold",
    "train/class_folders.py": "what a folder was found to hold",
    "train/find_images.py": "what a folder was found to hold",
    "search/judging_code.py": "a file that was loaded",
    "roi/native_library.py": "what was compiled before",
    "search/storage/": "a file that was opened",
}
NO_FILE = {
    "detect/proposals_file.py": "what safetensors says beside weights, whose header it bounds",
    "audit/pt2_": "members of an archive, which is refused where they are not as torch writes them",
    "latency/time_onnx.py": "what ONNX Runtime's profiler has just written",
    "report/script_data.py": "a figure that plotly has just written",
    "search/workers/": "what a worker of this search has said",
    "search/storage/": "a study's records: the storage room bounds its own",
}
OF_ITS_OWN = {
    "grammar/parse.py": "the grammar, which ships with archlab",
    "elaborate/language.py": "the prelude, which ships with archlab",
    "report/page_environment.py": "styles and scripts, which ship with archlab",
    "latency/time_onnx.py": "what ONNX Runtime's profiler has just written",
    "report/gallery.py": "the shipped texts",
    "environment.py": "/proc/cpuinfo",
    "audit/zoo_names.py": "the source of an installed package",
    "roi/native_library.py": "the kernels in C, which ship with archlab, and /proc/cpuinfo",
    "detect/": "the bytes of annotations that were read before",
    "images/": "images, and what the system says of memory",
    "train/checkpoint.py": "what training wrote itself, in torch's format, as weights only",
    "train/idx_files.py": "compressed numbers, within the size that their header says",
    "search/study/carried_plan.py": "a file that is hashed",
    "files.py": "what is written",
    "cli/ending.py": "what is written",
    "cli/pages.py": "a page in the browser",
    "cli/streams.py": "the null device",
    "search/storage/": "a study's records and locks",
    "search/judging_code.py": "files of code, which are hashed",
    "search/finalists.py": "weights that this search has written",
    "user_effects.py": "the working folder, to come back to",
    "user_prints.py": "the null device",
}


def called(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield what is called, as it is written, with its line: ``json.loads``, ``….read_text`` and ``open``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(value=ast.Name(id=owner), attr=name):
                    yield f"{owner}.{name}", node.lineno
                case ast.Attribute(value=ast.Attribute(value=ast.Name(id="os"), attr="path"), attr=name):
                    yield f"os.path.{name}", node.lineno
                case ast.Attribute(attr=name):
                    yield f"….{name}", node.lineno
                case ast.Name(id="open"):
                    yield "open", node.lineno


def offenders(names: set[str], excused: dict[str, str], source: Path = PACKAGE) -> list[str]:
    found = []
    for path in sorted(source.rglob("*.py")):
        place = path.relative_to(source).as_posix()
        if place == READER or any(place.startswith(start) for start in excused):
            continue
        for call, line in called(ast.parse(path.read_text(encoding="utf-8"))):
            if call in names or call.rpartition(".")[2] in names:
                found.append(f"{place}:{line}: {call}")
    return found


def test_nothing_else_parses_what_is_in_a_file():
    assert offenders(PARSERS, NO_FILE) == []


def test_nothing_else_opens_a_file_that_somebody_names():
    assert offenders(OPENERS, OF_ITS_OWN) == []


def test_a_path_is_looked_at_by_what_never_raises():
    # On Python 3.11 Path.is_file raises for a name of 300 letters; os.path.isfile returns False for any.
    assert [found for found in offenders(LOOKS, LOOKED_UP_BEFORE) if "os.path." not in found] == []


def test_the_parsers_are_imported_under_their_own_names():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("json", "tomllib", "csv"), path
            elif isinstance(node, ast.Import):
                assert all(a.asname is None for a in node.names if a.name in ("json", "tomllib", "csv")), path


def test_the_walk_finds_what_it_looks_for(tmp_path: Path):
    (tmp_path / "a.py").write_text(
        "import json\ndata = json.loads(p.read_text())\nx = q().is_file()\n", encoding="utf-8"
    )
    assert offenders(PARSERS, {}, tmp_path) == ["a.py:2: json.loads"]
    assert offenders(OPENERS, {}, tmp_path) == ["a.py:2: p.read_text"]
    assert offenders(LOOKS, {}, tmp_path) == ["a.py:3: ….is_file"]
