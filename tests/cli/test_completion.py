"""What Tab does: by the protocol that shells speak, and in the shells themselves."""

from __future__ import annotations

import pytest

from archlab.cli.completion_shells import SHELLS, answer_shell
from archlab.cli.main import cli
from archlab.cost import METRICS
from archlab.errors import InputError
from archlab.resources import shipped_spaces
from archlab.score import SCORES
from tests.cli.command_line import TINY
from tests.cli.shells import Shell

BREAKS = " \t\n\"'><=;|&(:"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a space, a file with a blank in its name, code, and a folder."""
    for name in ("tiny.arch", "my net.arch"):
        (tmp_path / name).write_text(TINY, encoding="utf-8")
    (tmp_path / "broken.arch").write_text("net broken(", encoding="utf-8")
    (tmp_path / "rules.py").write_text("raise SystemExit('was run')", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    (tmp_path / "fitted.json").write_text("{}", encoding="utf-8")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "inner.arch").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(monkeypatch):
    """Ask what could stand where a line ends, as bash does; the kinds are left out unless they are asked for."""

    def ask(line: str, kinds: bool = False, breaks: str = BREAKS) -> list[str]:
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_WORDBREAKS", breaks)
        lines = answer_shell(cli, "bash_complete").splitlines()
        return [each if kinds else each.partition(",")[2] for each in lines if each]

    return ask


def test_a_network_is_completed_by_shipped_names_and_by_files(ask, here):
    assert ask("archlab show resne") == ["resnet18", "resnet50", "resnext50_32x4d"]
    found = ask("archlab show ")
    assert found[: len(shipped_spaces())] == list(shipped_spaces())
    assert found[len(shipped_spaces()) :] == ["broken.arch", "my\\ net.arch", "nets/", "tiny.arch"]
    assert ask("archlab show nets/") == ["nets/inner.arch"]
    assert ask("archlab show ./ti") == ["./tiny.arch"]
    assert ask("archlab show 'my") == ["my net.arch"], "within quotes nothing needs a backslash"
    assert ask("archlab show nowhere/x") == []


def test_a_folder_is_gone_into_and_a_file_is_an_end(ask, here):
    assert ask("archlab show ne", kinds=True) == ["open,nets/"]
    assert ask("archlab show ti", kinds=True) == ["plain,tiny.arch"]


def test_models_come_from_more_places_and_no_code_is_run(ask, here):
    assert ask("archlab audit t") == ["torchvision:", "timm:", "tiny.arch"]
    assert ask("archlab lift ru", kinds=True) == ["open,rules.py:"]
    assert ask("archlab audit torchvision:resnet50 resnet1") == ["resnet18"]


def test_models_of_torchvision_and_timm_are_completed_by_name(ask, here):
    assert ask("archlab audit torchvision:resnet1") == [f"resnet{depth}" for depth in (101, 152, 18)]
    assert ask("archlab shrink torchvision:mnas") == [f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")]
    assert ask("archlab lift timm:resnet5", breaks=" ")[0] == "timm:resnet50"
    assert ask("archlab refit --original timm:resnext101_32x3") == ["resnext101_32x32d"]
    assert ask("archlab audit torchvision:no_such") == ask("archlab audit hf:b") == []


def test_a_rule_and_its_place_are_completed(ask, here):
    assert ask("archlab shrink resnet18 --rule sep") == ["separable\\ dm=1", "separable\\ dm=4"]
    assert ask("archlab shrink resnet18 --rule 'separable dm") == ["separable dm=1", "separable dm=4"]
    stages = ["stem", "stage1", "stage2", "stage3", "stage4", "head"]
    assert ask("archlab shrink resnet18 --where ") == ["everywhere", *stages]
    assert ask("archlab shrink resnet18 --rule 'separable dm=4' --where stage2") == [
        "stage2", "stage2.basic.conv", "stage2.basic.conv_2",
    ]  # fmt: skip
    assert ask("archlab rewrite resnet18 --where st") == stages[:-1]
    assert ask("archlab shrink torchvision:resnet18 --where ") == ["everywhere"]


@pytest.mark.parametrize("command", ["show", "export --to arch", "train --data photos", "shrink", "refit"])
def test_holes_are_those_of_the_network_on_the_line(ask, here, command):
    assert ask(f"archlab {command} tiny.arch --set body.", kinds=True) == [
        f"open,body.{name}=" for name in ("width_mult", "depth_mult", "depth", "block", "conv.c")
    ]


def test_holes_go_by_what_is_set_before_them(ask, here):
    line = "archlab show tiny.arch --set body.block=separable --set body.sep"
    assert ask(line) == ["body.separable.c=", "body.separable.k="]
    assert ask("archlab show --set body.block=separable tiny.arch --set body.sep") == ask(line)


def test_a_hole_is_completed_by_the_values_that_it_takes(ask, here):
    assert ask("archlab show tiny.arch --set body.block=") == ["conv", "separable"], "behind the sign, as bash wants it"
    assert ask("archlab show tiny.arch --set body.depth=") == ["1", "2", "3"]
    assert ask("archlab show tiny.arch --set=body.depth=") == ["1", "2", "3"]
    assert ask("archlab show tiny.arch --set body.depth=", breaks=" ") == [f"body.depth={n}" for n in (1, 2, 3)]
    assert ask("archlab show resnet50 --set width_mult=1.9") == ["1.9", "1.95"]


def test_what_cannot_be_read_completes_to_nothing(ask, here):
    for network in ("broken.arch", "nowhere.arch", "rules.py:net", "torchvision:resnet18", ""):
        assert ask(f"archlab show {network} --set ") == []


def test_budgets_are_metrics_and_those_of_parts(ask):
    assert ask("archlab search -b ", kinds=True) == [f"open,{name}=" for name in METRICS]
    assert ask("archlab search mobile -b st") == ["stem.", *(f"stage{n}." for n in range(1, 6))]
    assert ask("archlab search mobile -b stage2.m") == ["stage2.macs=", "stage2.memory="]
    assert "backbone.macs=" in ask("archlab search detection --budget backbone.")
    assert ask("archlab search mobile -b macs=") == []
    assert ask("archlab audit resnet50 --max ") == ["macs=", "params=", "activations=", "memory="]


def test_objectives_are_scores_metrics_trainings_and_files(ask, here):
    found = ask("archlab search mobile -o ")
    assert [name for name, row in SCORES.items() if not row.is_baseline] == found[:6]
    assert {*METRICS, "detection", "train", "rules.py:", "fitted.json", "nets/"} <= set(found)
    assert ask("archlab search mobile --then sy") == ["synflow"]
    assert ask("archlab calibrate mobile --score na") == ["naswot"]
    assert ask("archlab search mobile --require r") == ["rules.py:"]


def test_a_report_is_of_a_named_page_or_of_a_result(ask, here):
    assert ask("archlab report ") == ["gallery", "roi", "blocks", "fitted.json", "nets/"]


def test_commands_options_choices_and_other_paths_are_completed_too(ask):
    assert ask("archlab sh") == ["show", "shrink"]
    assert ask("archlab device p") == ["profile"]
    assert ask("archlab audit resnet50 --str") == ["--structure"]
    assert ask("archlab show resnet50 --by ") == ["stage", "block", "op"]
    assert ask("archlab data check out/", kinds=True) == ["file,out/"]


def test_zsh_and_fish_are_told_what_a_completion_is(monkeypatch):
    monkeypatch.setenv("COMP_WORDS", "archlab search mobile -o syn")
    monkeypatch.setenv("COMP_CWORD", "4")
    summary = SCORES["synflow"].summary
    assert answer_shell(cli, "zsh_complete") == f"plain\nsynflow\n{summary}\n"
    monkeypatch.setenv("COMP_CWORD", "syn")
    assert answer_shell(cli, "fish_complete") == f"plain,synflow\t{summary}\n"
    monkeypatch.setenv("COMP_WORDS", "archlab search mobile -b dep")
    monkeypatch.setenv("COMP_CWORD", "dep")
    assert answer_shell(cli, "fish_complete") == "plain,depth=\tsuch as 50\n"


def test_a_shell_that_is_not_known_is_refused():
    with pytest.raises(InputError, match="set it to one of bash_source, zsh_source, fish_source"):
        answer_shell(cli, "tcsh_source")
    with pytest.raises(InputError, match="'bash', for which there is no script"):
        answer_shell(cli, "bash")


@pytest.mark.parametrize("name", SHELLS)
def test_in_a_real_shell(name, here):
    with Shell(name, here) as shell:
        line = "archlab show resnext\t--set stage2.w\t0.5"
        assert shell.completed(line) == ["show", "resnext50_32x4d", "--set", "stage2.width_mult=0.5"]
        assert shell.completed("archlab search my\t -b dep\t20") == ["search", "my net.arch", "-b", "depth=20"]
        assert shell.completed("archlab audit torchv\tresnext101_64\t --str\t") == [
            "audit", "torchvision:resnext101_64x4d", "--structure",
        ]  # fmt: skip
        assert shell.completed("archlab shrink resnet18 --rule bottl\t --where stage3.basic.conv_\t") == [
            "shrink", "resnet18", "--rule", "bottleneck e=0.25", "--where", "stage3.basic.conv_2",
        ]  # fmt: skip
