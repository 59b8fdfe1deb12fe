"""The command line as a user or a script meets it: real processes, real exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.command_line import archlab
from tests.waiting import DEADLINE


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
        (
            ["report", "galery"],
            "'galery' is neither a file nor a page of its own\n  hint: name a result.json, or a page: ",
        ),
        (["show", "RESNET50"], "neither a shipped network nor a file\n  hint: did you mean resnet50"),
        (["rewrite", "resnet50", "--apply", "x"], "'x' is not a valid whole number"),
        (["lift", "resnet50", "--holes", "widths"], "there are no holes of kind 'widths'\n  hint: did you mean width?"),
        (["report", "gallery", "--out", "nowhere/g.html"], "cannot write nowhere/g.html"),
        (["report", "roi", "--out", "nowhere/r.html"], "cannot write nowhere/r.html"),
        (["show", "resnet18", "--html", "nowhere/r.html"], "cannot write nowhere/r.html"),
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
    done = archlab("export", "tiny.arch", "--to", "python", "--out", "net.py", "--quiet", cwd=tiny)
    assert (done.returncode, done.stdout, done.stderr) == (0, "net.py\n", "")
    code = "import torch, net; print(tuple(net.Tiny()(torch.zeros(2, 3, 16, 16)).shape)[0])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tiny, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE
    )
    assert run.stdout == "2\n", run.stderr
