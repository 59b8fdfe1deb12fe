"""The page of a training: its figures are those of the evaluation; it is complete, offline and escaped."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import archlab
from archlab.report.escaping import csp_hash
from archlab.report.training_info import class_rows, loss_curves, mistakes, pairs
from archlab.report.training_page import render_training_page
from archlab.train import Evaluation, TrainSettings, find_images, train_network
from archlab.train.metrics import confusion
from archlab.train.run import Look
from tests.train.drawn import folders

NASTY = "<b>x&y"
TEXT = "net squares(input=3x8x8)\nstem: conv(4, 3, s=2)\nhead: gap -> fc(3)\n"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    root = folders(tmp_path_factory.mktemp("data"), 20)
    (root / "red").rename(root / NASTY)
    graph = archlab.elaborate(TEXT).graph
    done = train_network(
        graph, find_images(root), TrainSettings(epochs=3, batch=16, device="cpu"), tmp_path_factory.mktemp("out")
    )
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    said, sure = torch.tensor([0, 2, 1, 1, 1, 0]), torch.tensor([0.9, 0.6, 0.8, 0.7, 0.5, 0.95])
    return replace(done, test=Evaluation(0.5, confusion(labels, said, 3), labels, said, sure))


def test_what_is_shown_is_what_was_found(outcome):
    names = outcome.judged.classes
    assert names == (NASTY, "blue", "green")
    assert [(p.true, p.said, p.count, p.of) for p in pairs(outcome.test, names)] == [
        (NASTY, "green", 1, 2), ("green", NASTY, 1, 2), ("green", "blue", 1, 2)
    ]  # fmt: skip
    assert [(r.name, r.images, r.recall) for r in class_rows(outcome.test, names)] == [
        ("green", 2, 0), (NASTY, 2, 0.5), ("blue", 2, 1)
    ]  # fmt: skip


def test_mistakes_are_the_surest_with_their_images(outcome):
    found = mistakes(outcome.test, outcome.judged)
    examples = [outcome.judged.examples[i].name for i in (5, 1, 4)]
    assert [mistake.name for mistake in found] == examples
    assert [round(mistake.sure, 2) for mistake in found] == [0.95, 0.6, 0.5]
    for mistake, i in zip(found, (5, 1, 4), strict=True):
        shown = np.array(Image.open(io.BytesIO(base64.b64decode(mistake.png))))
        np.testing.assert_array_equal(shown.transpose(2, 0, 1), outcome.judged.images[i].numpy())


def test_mistakes_on_disk_are_read_and_unknown_ones_left_out(outcome):
    judged = outcome.judged
    outside = replace(judged, images=None)
    assert mistakes(outcome.test, outside) == mistakes(outcome.test, judged)
    assert mistakes(outcome.test, replace(judged, examples=judged.examples[:-1])) == ()


def test_a_loss_that_is_no_number_is_no_point():
    looks = [Look(0, 0, 0, 0, None, 2.0, 0.1), Look(3, 1, 1, 0.1, 1.5, float("nan"), 0.2)]
    assert loss_curves(looks) == ([(1, 1.5)], [(0, 2.0)])


@pytest.fixture(scope="module")
def page(outcome):
    return render_training_page(outcome)


def test_names_are_escaped_and_only_its_own_scripts_run(page):
    assert NASTY not in page
    assert "&lt;b&gt;x&amp;y" in page
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    inline = re.findall(r"<script>(.*?)</script>", page, re.S) + re.findall(r"<style>(.*?)</style>", page, re.S)
    assert len(inline) == 6
    assert all(csp_hash(text) in policy for text in inline)
    assert not re.search(r" style=|<(iframe|link(?! rel=\"icon\")|object)\b|url\(|@import|https?:", page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_browser_it_asks_for_nothing_and_fits(browser, page, tmp_path, theme):
    path = tmp_path / "training.html"
    path.write_text(page, encoding="utf-8")
    found: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme, offline=True)
    tab = context.new_page()
    tab.on("console", lambda message: found.append(message.text))
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("request", lambda r: found.append(r.url) if not r.url.startswith(("data:", path.as_uri())) else None)
    tab.goto(path.as_uri())
    assert tab.locator("header .lead").inner_text().startswith("50.00 % ± 20.41 of 6 test images")
    assert tab.locator(".confusion tbody td").all_inner_texts() == ["1", "0", "1", "0", "2", "0", "1", "1", "0"]
    assert tab.locator(".mistakes img").count() == 3
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth === 8)")
    for size in (1280, 400, 320):
        tab.set_viewport_size({"width": size, "height": 844})
        assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    context.close()
    assert found == []
