from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from archlab.detect.attach import SMALL, detector_for
from archlab.detect.fisher import fisher_ratio
from archlab.detect.scores import DETECTION, DETECTION_SCORES, score_detector
from archlab.detect.shapes import drawn_shapes
from archlab.detect.untrained import looks
from archlab.detector import spec_of
from archlab.errors import InputError, ScoreError
from tests.detect.networks import BACKBONE, graph_of


@pytest.fixture(scope="module")
def graph():
    return graph_of()


@pytest.fixture(scope="module")
def data():
    return drawn_shapes(16, (64, 64), 0)


def test_every_row_is_under_its_name_and_its_function_documented():
    for name, row in DETECTION_SCORES.items():
        assert row.name == name == row.function.__name__
        assert row.function.__doc__


@pytest.mark.parametrize("name", DETECTION)
def test_every_score_is_finite_and_the_same_bits_twice(graph, data, name):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = score_detector(name, graph, data, 0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert score_detector(name, graph, data, 0) == first
    assert math.isfinite(first.value)
    assert all(map(math.isfinite, first.parts.values()))


def test_detection_is_made_of_short_training_and_the_class_probe(graph, data):
    whole, short, probe = (score_detector(name, graph, data, 0) for name in ("detection", "short_roi", "roi_probe"))
    assert whole.parts == {**short.parts, **probe.parts}
    assert list(whole.parts) == ["loss", "class loss", "place loss", "class accuracy", "place R²"]
    assert short.parts["loss"] == -short.value
    assert short.parts["class loss"] + short.parts["place loss"] == pytest.approx(short.parts["loss"], rel=0.01)
    assert whole.value == pytest.approx(math.log(probe.parts["class accuracy"]) - math.log(-short.value))
    assert probe.value == pytest.approx(sum(probe.parts.values()))


def test_a_score_is_averaged_over_three_initialisations(graph, data):
    seen = looks(graph, data, 7)
    assert len(seen) == 3
    each = [fisher_ratio(look) for look in seen]
    assert len(set(each)) == 3
    assert score_detector("roi_fisher", graph, data, 7).value == pytest.approx(sum(each) / 3)


def test_an_unknown_score_is_refused_with_the_nearest(graph, data):
    with pytest.raises(InputError, match="no detection score 'roi_prob'") as caught:
        score_detector("roi_prob", graph, data, 0)
    assert "roi_probe" in caught.value.hint


def test_images_of_another_size_are_refused(graph):
    with pytest.raises(InputError, match="takes images of 64x64, and drawn shapes was read at 32x64"):
        score_detector("level_entropy", graph, drawn_shapes(2, (32, 64), 0), 0)


def test_an_error_names_its_score(graph, data):
    empty = dataclasses.replace(data, boxes=tuple(b[:0] for b in data.boxes), labels=tuple(x[:0] for x in data.labels))
    with pytest.raises(ScoreError, match=r"^roi_fisher: the Fisher ratio needs two classes"):
        score_detector("roi_fisher", graph, empty, 0)


def test_a_network_without_a_detect_section_is_given_the_small_one(data):
    given = spec_of(detector_for(graph_of(BACKBONE), data))
    assert (given.width, given.head_width, given.classes) == (SMALL.width, SMALL.head_width, 3)
    assert given.levels == ("p2", "p3", "p4")


def test_a_detector_keeps_its_own_neck_and_head_with_the_data_s_classes(graph, data):
    given = spec_of(detector_for(graph, dataclasses.replace(data, classes=tuple("abcde"))))
    assert given == dataclasses.replace(spec_of(graph), classes=5)
