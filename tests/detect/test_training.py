"""Short training, whole trainings and the AP measured behind them."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from archlab.detect import short_training as short
from archlab.detect.attach import detector_for
from archlab.detect.average_precision import average_precision
from archlab.detect.measure_ap import anchor_scale, measure_ap, small_faster_rcnn
from archlab.detect.proposals import propose
from archlab.detect.shapes import drawn_shapes
from archlab.detect.short_training import roi_losses, short_training
from archlab.detect.train_detector import Schedule, batches, mirrored, train
from archlab.errors import InputError, ScoreError
from tests.detect.networks import BACKBONE, graph_of

SIZE = (64, 64)


@pytest.fixture(scope="module")
def graph():
    return graph_of()


@pytest.fixture(scope="module")
def data():
    return drawn_shapes(24, SIZE, 0)


def test_a_short_training_gives_the_same_bits_and_leaves_the_global_generator_alone(graph, data):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = short_training(graph, data, 3, steps=4)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert short_training(graph, data, 3, steps=4) == first
    assert short_training(graph, data, 4, steps=4) != first


@pytest.mark.parametrize(("kept", "who"), [([], "train"), (range(1), "train|are held out")])
def test_a_short_training_without_a_box_to_train_or_to_judge_says_so(graph, data, kept, who):
    few = dataclasses.replace(
        data,
        boxes=tuple(boxes if i in kept else boxes[:0] for i, boxes in enumerate(data.boxes)),
        labels=tuple(labels if i in kept else labels[:0] for i, labels in enumerate(data.labels)),
    )
    with pytest.raises(
        ScoreError, match=rf"drawn shapes has no box among the \d+ images that ({who}), so that"
    ) as caught:
        short_training(graph, few, 0, steps=4)
    assert "more images" in caught.value.hint


@pytest.mark.slow
def test_more_steps_of_a_short_training_lower_its_loss(graph):
    data = drawn_shapes(96, SIZE, 0)
    first, last = (short_training(graph, data, 0, steps=steps).total for steps in (1, 120))
    assert last < 0.95 * first


def test_a_short_training_that_diverges_is_an_error_of_the_score(graph, data, monkeypatch):
    monkeypatch.setattr(short, "RATE", 1e30)
    with pytest.raises(ScoreError, match=r"the loss is (nan|inf) at step \d of 9"):
        short_training(graph, data, 0, steps=9)


def test_a_short_training_needs_an_image_to_be_judged_on(graph):
    with pytest.raises(InputError, match="cannot be split"):
        short_training(graph, drawn_shapes(1, SIZE, 0), 0, steps=1)


def test_the_loss_is_torchvision_s(data):
    heads = pytest.importorskip("torchvision.models.detection.roi_heads")
    rng = torch.Generator().manual_seed(0)
    proposals = propose(data, [0, 1], rng, 16)
    logits, deltas = torch.randn(len(proposals), 4, generator=rng), torch.randn(len(proposals), 16, generator=rng)
    aims = proposals.offsets * torch.tensor([10.0, 10, 5, 5])
    expected = heads.fastrcnn_loss(logits, deltas, [proposals.labels], [aims])
    torch.testing.assert_close(roi_losses(logits, deltas, proposals), expected)


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    schedule = Schedule(steps=100, rate=1.0, warm_up=0.1)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[55] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert Schedule(steps=1, rate=0.5).rate_at(0) == 0.5


def test_every_image_comes_once_before_any_comes_again():
    found = batches(10, 4, torch.Generator().manual_seed(0))
    taken = torch.cat([next(found) for _ in range(5)])
    assert sorted(taken[:10].tolist()) == sorted(taken[10:].tolist()) == list(range(10))
    assert len(next(batches(3, 8, torch.Generator()))) == 8


def test_mirroring_twice_changes_nothing_and_once_moves_a_box_with_its_pixels(data):
    images, boxes = data.images[:3], list(data.boxes[:3])
    which = torch.tensor([True, False, True])
    once, turned = mirrored(images, boxes, which)
    assert torch.equal(once[0], images[0].flip(-1))
    assert torch.equal(once[1], images[1])
    assert torch.equal(turned[1], boxes[1])
    x1, y1, x2, y2 = boxes[0][0].tolist()
    assert turned[0][0].tolist() == pytest.approx([64 - x2, y1, 64 - x1, y2])
    twice, back = mirrored(once, turned, which)
    assert torch.equal(twice, images)
    for a, b in zip(back, boxes, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
def test_a_training_gives_the_same_bits_and_its_loss_falls(data):
    graph = detector_for(graph_of(BACKBONE), data)
    runs, heard = [], []
    for _ in range(2):
        torch.manual_seed(len(runs))
        state = torch.get_rng_state()
        model = small_faster_rcnn(graph, data, 0)
        runs.append(
            train(model, data, Schedule(steps=12, batch_size=4), 0, lambda step, loss: heard.append((step, loss)))
        )
        assert torch.equal(torch.get_rng_state(), state)
    assert runs[0] == runs[1]
    assert heard[:12] == list(enumerate(runs[0], start=1))
    assert sum(runs[0][-3:]) < 0.8 * sum(runs[0][:3])


def test_a_training_that_diverges_is_an_error_of_the_score(graph, data):
    with pytest.raises(ScoreError, match=r"the loss is (nan|inf) at step \d of 8"):
        train(small_faster_rcnn(graph, data, 0), data, Schedule(steps=8, batch_size=2, rate=1e30, warm_up=0), 0)


def test_what_is_raised_behind_a_step_ends_the_training(graph, data):
    def stop(step, _loss):
        raise KeyboardInterrupt(step)

    state = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt, match="1"):
        train(small_faster_rcnn(graph, data, 0), data, Schedule(steps=8, batch_size=2), 0, stop)
    assert torch.equal(torch.get_rng_state(), state)


def test_images_without_a_box_are_trained_on(graph):
    data = drawn_shapes(2, SIZE, 0)
    empty = dataclasses.replace(data, boxes=tuple(b[:0] for b in data.boxes), labels=tuple(x[:0] for x in data.labels))
    losses = train(small_faster_rcnn(graph, empty, 0), empty, Schedule(steps=2, batch_size=2), 0)
    assert all(map(math.isfinite, losses))


@pytest.mark.parametrize(("steps", "looks"), [(10, [5, 8]), (7, [4, 6]), (2, [1]), (1, [])])
def test_ap_is_reported_after_half_of_the_steps_and_four_fifths(graph, data, steps, looks):
    pytest.importorskip("pycocotools")
    reported: list[tuple[int, float]] = []
    few = data.part(range(2))
    found = measure_ap(graph, few, few, Schedule(steps, batch_size=1), 0, lambda *values: reported.append(values))
    assert [step for step, _ in reported] == looks
    assert len(found.losses) == steps
    # Boxes of a size that there is none of have no AP, and nan is not equal to itself.
    assert repr(found.ap) == repr(average_precision(found.found, few))


@pytest.mark.slow
def test_a_small_detector_learns_drawn_shapes():
    pytest.importorskip("pycocotools")
    graph = graph_of(BACKBONE)
    training, validation = drawn_shapes(64, SIZE, 0), drawn_shapes(16, SIZE, 1)
    before, after = (measure_ap(graph, training, validation, Schedule(steps), 0).ap.ap50 for steps in (1, 300))
    assert after > before + 0.1


def test_a_backbone_is_given_a_neck_and_a_head(data):
    pytest.importorskip("pycocotools")
    few = data.part(range(2))
    assert len(measure_ap(graph_of(BACKBONE), few, few, Schedule(1, batch_size=1), 0).losses) == 1


@pytest.mark.parametrize(("side", "scale"), [(1.0, 2.0), (8.0, 2.0), (20.0, 5.0), (32.0, 8.0), (60.0, 8.0)])
def test_the_finest_anchor_has_the_side_of_the_small_boxes(graph, data, side, scale):
    """The finest level has stride 4."""
    boxes = tuple(torch.tensor([[0.0, 0, 2 * side, side / 2]]) for _ in range(len(data)))
    assert anchor_scale(graph, dataclasses.replace(data, boxes=boxes)) == pytest.approx(scale)
    assert anchor_scale(graph, dataclasses.replace(data, boxes=(torch.zeros(0, 4),) * len(data))) == 8
