"""The command line as a user or a script meets it: real processes, real exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.waiting import DEADLINE, Gate, finish, succeed, until

ROOT = Path(__file__).resolve().parents[1]
TINY = """\
net tiny(input=3x16x16)
stem: conv({4, 8}, 3, s=2)
body: repeat([1..3], {conv({8, 16}), separable({8, 16}, k={3, 5})})
head: gap -> fc(10)
"""

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "", "COLUMNS": "160"}


def archlab(*args, cwd=None):
    command = [sys.executable, "-m", "archlab", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=cwd, timeout=DEADLINE, env=ENVIRONMENT, check=False
    )


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "tiny.arch").write_text(TINY, encoding="utf-8")
    return tmp_path


def test_show_prints_the_golden_counts_as_json():
    done = archlab("show", "resnet50", "--json")
    data = json.loads(done.stdout)
    assert (data["params"], data["macs"]) == (25_557_032, 4_089_184_256)
    assert sum(stage["macs"] for stage in data["stages"]) == data["macs"]
    assert sum(row["params"] for row in data["operators"].values()) == data["params"]
    assert done.stderr == ""


def test_show_takes_multipliers_and_every_table():
    for by in ("stage", "block", "op"):
        done = archlab("show", "mobilenet_v1", "--set", "width_mult=0.5", "--by", by)
        assert done.returncode == 0
        # Howard et al. 2017, table 6: 0.5 MobileNet-224 has 149 M MACs and 1.3 M parameters.
        assert "params 1,331,592  MACs 149,497,088" in done.stdout


def test_show_counts_with_fvcore_on_request():
    done = archlab("show", "shufflenet_v2_x1_0", "--fvcore")
    assert done.returncode == 0
    assert "fvcore MACs 144,907,992" in done.stdout
    assert "equal, operator by operator" in done.stdout


def test_show_tells_the_parts_of_a_detector_apart_at_any_size():
    done = archlab("show", "detection", "--input", "3x128x160", "--json")
    data = json.loads(done.stdout)
    assert data["input"] == [3, 128, 160]
    parts = {part["name"]: part["macs"] for part in data["detector"]["parts"]}
    assert list(parts) == ["backbone", "neck", "box_head"]
    assert sum(parts.values()) == data["macs"]
    shown = archlab("show", "detection", "--input", "3x128x160").stdout
    assert f"MACs backbone {parts['backbone']:,}  neck {parts['neck']:,} (p2 to p5, 32 channels)" in shown
    assert f"box head {parts['box_head']:,} (100 RoIs per image)" in shown


def test_show_text_is_the_network_itself(tiny):
    text = archlab("show", "tiny.arch", "--set", "body.block=separable", "--text", cwd=tiny).stdout
    assert text.splitlines() == [
        "net tiny(input=3x16x16)",
        "stem: conv(4, 3, s=2)",
        "body: repeat(1, separable(8, k=3))",
        "head: gap -> fc(10)",
    ]


def test_spaces_lists_what_is_shipped():
    names = {row["name"]: row for row in json.loads(archlab("spaces", "--json").stdout)}
    assert names["xception"]["kind"] == "network"
    assert names["mobile"]["kind"] == "space"
    assert names["xception"]["macs"] == 8_357_403_496
    assert "resnext50_32x4d" in archlab("spaces").stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "resnet51"], "neither a shipped network nor a file\n  hint: did you mean resnet50"),
        (["show", "nowhere/x.arch"], "no such file"),
        (["show", "resnet50", "--set", "width=1"], "no hole is named 'width'"),
        (["show", "resnet50", "--set", "width_mult=-1"], "width_mult cannot be -1"),
        (["show", "resnet50", "--set", "width_mult"], "is not NAME=VALUE"),
        (["show", "resnet50", "--max-nodes", "20"], "more than 20 nodes"),
        (["search", "mobile", "--budget", "mac=3M"], "did you mean macs?"),
        (["search", "mobile", "--budget", "macs=3MB"], "write it like 600M"),
        (["search", "mobile", "--objective", "synflw"], "did you mean synflow?"),
        (["search", "mobile", "--timeout", "soon"], "write it like 5m"),
        (["search", "mobile", "--then", "synflw"], "did you mean synflow?"),
        (["search", "mobile", "--then", "macs", "--keep", "0%"], "--keep 0% keeps nothing for the next stage"),
        (["search", "mobile", "--then", "macs", "--keep", "8", "--keep", "4"], "2 --keep for 1 --then"),
        (["search", "mobile", "--pruner", "hyperband"], "'hyperband' is not one of 'halving', 'median', 'none'"),
        (["report", "nothing.json"], "cannot read nothing.json"),
        (["report", "gallery", "--out", "nowhere/g.html"], "cannot write nowhere/g.html"),
        (["report", "roi", "--out", "nowhere/r.html"], "cannot write nowhere/r.html"),
        (
            ["export", "resnet18", "--to", "onnx"],
            "onnx is no text, so it needs a file\n  hint: add --out resnet18.onnx",
        ),
        (["export", "resnet18", "--to", "caffe"], "'caffe' is not one of"),
        (["export", "resnet18", "--to", "timm"], "stage1.0: no timm block string says conv2d -> bn -> add"),
        (["export", "resnet18", "--to", "arch", "--set", "width=1"], "no hole is named 'width'"),
        (["export", "resnet18", "--to", "arch", "--out", "nowhere/r.arch"], "cannot write nowhere/r.arch"),
        (["import", "--timm-arch", "nothing.txt"], "cannot read nothing.txt"),
        (["rewrite", "resnet18", "--rule", "separable", "--where", "stage9"], "there is no stage 'stage9'"),
        (["rewrite", "resnet18", "--rule", "factorise5x5"], "resnet18 holds no convolution for the rule factorise5x5"),
        (["rewrite", "vgg16", "--rule", "group_shuffle"], "limit the rule to a stage that it fits, with --where"),
        (["rewrite", "resnet18", "--apply", "999"], "there is no suggestion 999\n  hint: there are 80;"),
        (["rewrite", "resnet18", "--dm", "4"], "--dm belongs to --rule"),
        (["serch"], "No such command 'serch'"),
    ],
)
def test_what_the_user_got_wrong_is_one_message_and_exit_code_2(tmp_path, args, message):
    done = archlab(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_broken_text_is_shown_with_a_caret(tmp_path):
    (tmp_path / "bad.arch").write_text("net bad(input=3x8x8)\nstem: cnov(8)\n", encoding="utf-8")
    done = archlab("show", "bad.arch", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "archlab: bad.arch:2:7: nothing is named 'cnov'\n"
        "  stem: cnov(8)\n        ^\n  hint: did you mean conv or conv2d?\n"
    )


def test_a_budget_that_no_network_meets_is_exit_code_1(tiny):
    done = archlab("search", "tiny.arch", "--budget", "params=200", cwd=tiny)
    assert done.returncode == 1
    assert "no network of tiny meets params ≤ 200: the smallest found has 298" in done.stderr
    assert done.stdout == ""


def test_help_has_examples():
    for command in ("show", "search", "spaces", "report", "export", "import", "rewrite"):
        done = archlab(command, "--help")
        assert done.returncode == 0
        assert f"archlab {command}" in done.stdout.split("Example")[1]


def test_a_rewritten_network_is_printed_with_its_cost(tmp_path):
    (tmp_path / "w.arch").write_text("net worked(input=128x14x14)\nbody: conv2d(256, 3)\n", encoding="utf-8")
    done = archlab("rewrite", "w.arch", "--rule", "separable", "--dm", 4, cwd=tmp_path)
    assert done.stdout.splitlines()[:4] == [
        "net worked(input=128x14x14)",
        "body: conv2d(in * 4, 3, g=in) -> conv2d(256, 1)",
        "# params: 294,912 -> 135,680 (46 %)",
        "# macs: 57,802,752 -> 26,593,280 (46 %)",
    ]
    assert archlab("rewrite", "w.arch", "--rule", "separable", "--out", "n.arch", cwd=tmp_path).returncode == 0
    shown = json.loads(archlab("show", "n.arch", "--json", cwd=tmp_path).stdout)
    assert shown["params"] == 128 * 9 + 128 * 256


def test_suggested_rewritings_are_listed_and_one_is_applied(tmp_path):
    (tmp_path / "w.arch").write_text("net worked(input=128x14x14)\nbody: conv2d(256, 3)\n", encoding="utf-8")
    listed = json.loads(archlab("rewrite", "w.arch", "--json", cwd=tmp_path).stdout)["suggestions"]
    (number,) = [one["number"] for one in listed if one["options"] == {"dm": 4}]
    assert f" {number} " in archlab("rewrite", "w.arch", cwd=tmp_path).stdout
    applied = archlab("rewrite", "w.arch", "--apply", number, cwd=tmp_path)
    assert applied.stdout == archlab("rewrite", "w.arch", "--rule", "separable", "--dm", 4, cwd=tmp_path).stdout


def test_block_strings_go_out_and_in(tmp_path):
    strings = archlab("export", "mobilenet_v2", "--to", "timm", "--out", "m.txt", cwd=tmp_path)
    assert strings.stdout == "m.txt\n"
    text = archlab("import", "--timm-arch", "m.txt", cwd=tmp_path).stdout
    assert text.startswith("net mobilenet_v2(input=3x224x224)\n")
    assert "stage2: repeat(2, skip(ir(24, 3, s=2, e=6)))" in text


def test_a_python_export_runs_on_its_own(tiny):
    done = archlab("export", "tiny.arch", "--to", "python", "--out", "net.py", cwd=tiny)
    assert (done.returncode, done.stdout, done.stderr) == (0, "net.py\n", "")
    code = "import torch, net; print(tuple(net.Tiny()(torch.zeros(2, 3, 16, 16)).shape)[0])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tiny, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE
    )
    assert run.stdout == "2\n", run.stderr


def test_a_search_prints_its_table_and_leaves_its_files(tiny):
    done = archlab("search", "tiny.arch", "-b", "macs=60k", "-o", "params", "-n", 6, cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "6 scored" in done.stdout
    assert done.stdout.count("equal") == 5
    folder = tiny / "out" / "tiny"
    assert len(list((folder / "finalists").glob("*.arch"))) == 5
    assert (folder / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    again = archlab("report", folder / "result.json", "--out", tiny / "again.html", cwd=tiny)
    assert again.returncode == 0
    assert (tiny / "again.html").read_text(encoding="utf-8") == (folder / "report.html").read_text(encoding="utf-8")


def test_a_search_with_stages_prints_survivors_and_cost(tiny):
    done = archlab(
        "search", "tiny.arch", "-o", "params", "-n", 9, "--then", "max:macs", "--keep", 4, "--top", 2, cwd=tiny
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert next(row for row in rows if row[:2] == ["1", "params"])[2:7] == ["9", "9", "0", "0", "4"]
    assert next(row for row in rows if row[:2] == ["2", "macs"])[2:7] == ["4", "4", "0", "0", "2"]
    assert 'id="search-stages"' in (tiny / "out" / "tiny" / "report.html").read_text(encoding="utf-8")


def test_a_searchs_json_is_all_there_is_on_standard_output(tiny):
    done = archlab("search", "tiny.arch", "-o", "macs", "-n", 3, "--no-latency", "--json", cwd=tiny)
    assert json.loads(done.stdout) == json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))


def test_a_thread_that_an_objective_leaves_behind_does_not_keep_the_search(tiny):
    start = "threading.Thread(target=threading.Event().wait).start()"
    (tiny / "left.py").write_text(
        f"import threading\n\ndef value(*_):\n    {start}\n    return 1.0\n", encoding="utf-8"
    )
    done = archlab("search", "tiny.arch", "-o", "left.py:value", "-n", 2, "--no-latency", "--json", cwd=tiny)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"]


def test_a_finalists_file_is_accepted_by_show(tiny):
    archlab("search", "tiny.arch", "-o", "macs", "-n", 2, "--no-latency", cwd=tiny)
    result = json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))
    best = result["finalists"][0]
    shown = json.loads(archlab("show", tiny / "out" / "tiny" / best["file"], "--json").stdout)
    assert shown["name"] == best["name"]
    assert shown["macs"] == best["cost"]["macs"] == best["recount"]["macs"]


def test_a_locale_of_ascii_gets_question_marks(tiny):
    command = [sys.executable, "-m", "archlab", "search", "tiny.arch", "-o", "macs", "-b", "macs=1M", "-n", "2"]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*command, "--no-latency"],
        cwd=tiny,
        env=ENVIRONMENT | ascii_only,
        capture_output=True,
        encoding="ascii",
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    assert "macs ? 1.000 M" in done.stdout
    assert "≤" in (tiny / "out" / "tiny" / "report.html").read_text(encoding="utf-8")


# --- faults -----------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_is_exit_code_2(tiny):
    (tiny / "file").write_text("in the way", encoding="utf-8")
    done = archlab("search", "tiny.arch", "-o", "macs", "--out", "file/out", cwd=tiny)
    assert done.returncode == 2
    assert "archlab: cannot write file/out: not a directory" in done.stderr
    assert "--out" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 60 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
        timeout=DEADLINE,
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=DEADLINE)


def test_a_disk_that_fills_up_is_one_line_and_what_was_found_is_kept(tiny, small_disk):
    args = ("search", "tiny.arch", "-o", "macs", "--no-latency", "-n", 36, "--out", small_disk / "out")
    done = archlab(*args, cwd=tiny)
    assert done.returncode == 2
    assert "no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(small_disk.rglob(".*.html.*")), "no half-written file is left"
    # With room again, the same command goes on.
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True, timeout=DEADLINE)
    done = archlab(*args, cwd=tiny)
    assert done.returncode == 0, done.stderr
    result = json.loads((small_disk / "out" / "result.json").read_text(encoding="utf-8"))
    digests = [t["digest"] for t in result["trials"] if t["state"] == "scored"]
    assert len(digests) == len(set(digests)) == 36, "also the one that was running when the disk filled"


@pytest.fixture
def gate(tiny):
    """Where the evaluations of ``start_search`` wait."""
    return Gate(tiny)


def start_search(folder: Path) -> subprocess.Popen[str]:
    """Begin a search of 14 evaluations, each of which leaves its network's digest at the gate."""
    (folder / "mine.py").write_text(
        textwrap.dedent(f"""\
            import pathlib, sys

            sys.path.insert(0, {str(ROOT)!r})
            from tests.waiting import Gate

            def value(module, candidate, trial):
                Gate(pathlib.Path()).enter(candidate.graph.digest)
                return float(candidate.cost["params"])
            """),
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "archlab",
        "search",
        "tiny.arch",
        "-o",
        "mine.py:value",
        "--no-latency",
        "-n",
        "14",
    ]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT
    )


def test_ctrl_c_ends_with_the_report_of_what_there_is_and_the_same_command_goes_on(tiny, gate):
    gate.close(at=5)
    process = start_search(tiny)
    until(lambda: len(gate.begun()) == 5, process)
    process.send_signal(signal.SIGINT)
    out, err = finish(process)
    assert process.returncode == 130
    assert "interrupted by the user; the same command resumes it" in err
    assert "Traceback" not in err
    assert "best of tiny" in out
    folder = tiny / "out" / "tiny"
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    scored_before = [t for t in result["trials"] if t["state"] == "scored"]
    assert [t["digest"] for t in scored_before] == gate.begun()[:4]
    assert (folder / "report.html").exists()

    gate.open()
    succeed(start_search(tiny))
    resumed = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    scored = [t for t in resumed["trials"] if t["state"] == "scored"]
    assert len(scored) == 14
    assert scored[:4] == scored_before


def test_kill_9_loses_at_most_the_running_trial(tiny, gate):
    gate.close(at=6)
    process = start_search(tiny)
    until(lambda: len(gate.begun()) == 6, process)
    process.kill()
    process.communicate()
    gate.open()
    succeed(start_search(tiny))
    result = json.loads((tiny / "out" / "tiny" / "result.json").read_text(encoding="utf-8"))
    scored = [t["digest"] for t in result["trials"] if t["state"] == "scored"]
    assert len(scored) == len(set(scored)) == 14
    assert set(gate.begun()) == set(scored)
    assert len(gate.begun()) == 14 + 1, "only what was running when it was killed is run again"
