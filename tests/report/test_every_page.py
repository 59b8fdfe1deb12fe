"""What holds of every page: nothing that axe finds, light and dark, no wider than the screen, silent and offline; every
word in a drawing is large enough to be read.

The pages of blocks and of RoI operators have that in their own files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_run import AuditRun
from archlab.audit.formats import render
from archlab.report import show_network
from archlab.report.diff_page import diff_page
from archlab.report.gallery import render_gallery
from archlab.report.search_page import write_report
from archlab.report.shrunk_page import render_shrunk_page
from archlab.report.training_page import render_training_page
from archlab.report.what_if_page import what_if_page
from archlab.train import TrainSettings, find_images, train_network
from archlab.what_if.what_if import what_if
from tests.report import detectors, results
from tests.report.shrinking import rewritten, searched
from tests.report.watched import open_everything, overflow, smallest_letters, violations, watched
from tests.train.drawn import folders

TEXT = "net squares(input=3x8x8)\nstem: conv(4, 3, s=2)\nbody: repeat(2, basic(8))\nhead: gap -> fc(3)\n"


def gallery(_: Path) -> str:
    return render_gallery()


def network(_: Path) -> str:
    return show_network.page(archlab.elaborate("resnet18"))


def diff(_: Path) -> str:
    return diff_page(archlab.diff(TEXT, TEXT.replace("basic(8)", "basic(16)")))


def what_ifs(_: Path) -> str:
    return what_if_page(what_if("squares", archlab.load(TEXT)))


def audit(_: Path) -> str:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    audits = [archlab.audit(model, torch.empty(1, 3, 8, 8, device="meta")) for _ in range(2)]
    return render("html", AuditRun(audits))


def training(folder: Path) -> str:
    images = find_images(folders(folder / "data", 12))
    settings = TrainSettings(epochs=1, batch=16, device="cpu")
    return render_training_page(train_network(archlab.elaborate(TEXT).graph, images, settings, folder / "out"))


def search(folder: Path) -> str:
    write_report(results.several_objectives(), folder / "search.html")
    return (folder / "search.html").read_text(encoding="utf-8")


def detection(folder: Path) -> str:
    write_report(detectors.search(), folder / "search.html")
    return (folder / "search.html").read_text(encoding="utf-8")


def shrunk(_: Path) -> str:
    return render_shrunk_page(searched())


def shrunk_by_a_rule(_: Path) -> str:
    return render_shrunk_page(rewritten())


def staged(folder: Path) -> str:
    write_report(results.staged(), folder / "search.html")
    return (folder / "search.html").read_text(encoding="utf-8")


PAGES = [gallery, network, diff, what_ifs, audit, training, search, detection, staged, shrunk, shrunk_by_a_rule]


@pytest.mark.parametrize("make", PAGES)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(browser, tmp_path, make: Callable[[Path], str]):
    path = tmp_path / "page.html"
    path.write_text(make(tmp_path), encoding="utf-8")
    for theme, width in (("light", 390), ("dark", 390), ("light", 1440), ("dark", 768)):
        with watched(browser, path, width, theme) as page:
            open_everything(page)
            assert overflow(page) == 0
            assert smallest_letters(page) > 10
            # What is found depends on colours and on what scrolls, and so not on the widths in between.
            if width != 768:
                assert violations(page) == [], (theme, width)
