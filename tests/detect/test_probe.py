from __future__ import annotations

import math

import pytest
import torch

from archlab.detect import probe
from archlab.detect.fisher import fisher_ratio
from archlab.detect.probe import class_probe, place_probe, place_read, ridge
from archlab.detect.proposals import Proposals
from archlab.detect.untrained import Look
from archlab.errors import ScoreError


def made(features, labels, offsets=None, fold=None):
    n = len(labels)
    offsets = torch.zeros(n, 4) if offsets is None else offsets
    fold = torch.arange(n) % 2 == 0 if fold is None else fold
    return Look(features, Proposals(torch.zeros(n, 5), labels, offsets), fold)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d"), [(30, 8), (20, 60)])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_ridge_is_scikit_learn_s(monkeypatch, n, d, strength, weighted):
    from sklearn.linear_model import Ridge

    x, y, at = noise(n, d).double() + 3, noise(n, 2, seed=1).double() - 1, noise(5, d, seed=2).double()
    weights = noise(n, seed=3).abs().double() + 0.1 if weighted else None
    w = torch.ones(n).double() if weights is None else weights / weights.mean()
    centred = (x - (x * w[:, None]).sum(0) / w.sum()) * w.sqrt()[:, None]
    alpha = strength * centred.square().sum().item() / n
    expected = Ridge(alpha=alpha).fit(x, y, sample_weight=w.numpy()).predict(at)
    monkeypatch.setattr(probe, "STRENGTHS", (strength,))
    torch.testing.assert_close(ridge(x, y, at, weights), torch.from_numpy(expected))


def test_the_strength_is_the_best_by_leave_one_out(monkeypatch):
    """Against leaving out each row in turn; the centre stays that of all rows."""
    x, y = noise(25, 10).double(), (noise(25, 10).double() @ noise(10, 1, seed=5).double()) + 6 * noise(25, 1, seed=6)
    x, y = x - x.mean(0), y - y.mean(0)
    errors = {}
    for strength in probe.STRENGTHS:
        alpha = strength * x.square().sum() / len(x)
        errors[strength] = 0.0
        for i in range(len(x)):
            keep = torch.arange(len(x)) != i
            beta = torch.linalg.solve(x[keep].T @ x[keep] + alpha * torch.eye(10), x[keep].T @ y[keep])
            errors[strength] += float((y[i] - x[i] @ beta).square().sum())
    chosen = ridge(x, y, x)
    assert min(errors.values()) < errors[probe.STRENGTHS[0]], "the first is not the best here"
    monkeypatch.setattr(probe, "STRENGTHS", (min(errors, key=errors.__getitem__),))
    torch.testing.assert_close(chosen, ridge(x, y, x))


def test_classes_that_lie_apart_are_read_off_and_noise_is_at_chance():
    labels = torch.arange(300) % 3
    apart = torch.nn.functional.one_hot(labels, 3).float() + 0.05 * noise(300, 3)
    assert class_probe(made(apart, labels, fold=torch.arange(300) < 150)) == 1
    assert class_probe(made(noise(300, 3), labels, fold=torch.arange(300) < 150)) == pytest.approx(1 / 3, abs=0.1)


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    labels = (torch.arange(400) % 20 == 0).long()
    constant = made(torch.zeros(400, 2) + 1e-3 * noise(400, 2), labels, fold=torch.arange(400) < 200)
    assert 0.2 < class_probe(constant) < 0.8, "always the frequent class would be .95 without the balance"
    telling = made(labels[:, None] + 0.3 * noise(400, 1), labels, fold=torch.arange(400) < 200)
    assert class_probe(telling) > 0.85


def test_places_are_read_off_features_that_hold_them():
    offsets = noise(200, 4)
    labels = torch.ones(200, dtype=torch.long)
    mixed = offsets @ noise(4, 12, seed=1)
    assert place_probe(made(mixed, labels, offsets)) > 0.97
    assert place_probe(made(noise(200, 12, seed=2), labels, offsets)) < 0.1
    half = torch.cat([offsets[:, :2], noise(200, 2, seed=3)], dim=1)
    assert place_probe(made(half, labels, offsets)) == pytest.approx(0.5, abs=0.1)


def test_r2_below_zero_is_no_worse_than_none(monkeypatch):
    labels = torch.ones(40, dtype=torch.long)
    wrong = made(noise(40, 60, seed=2), labels, noise(40, 4))
    monkeypatch.setattr(probe, "STRENGTHS", (1e-9,))  # fits the noise of its own half
    assert place_probe(wrong) < -0.1
    assert place_read([wrong]) == {"place R²": 0}
    assert place_read([made(noise(8, 3), torch.zeros(8, dtype=torch.long))]) == {}, "no true box, no place"
    told = made(noise(200, 4), torch.ones(200, dtype=torch.long), noise(200, 4))
    assert place_read([told])["place R²"] == place_probe(told)
    assert place_probe(told) > 0.97


def test_background_has_no_place():
    offsets = noise(100, 4)
    labels = (torch.arange(100) < 60).long()
    spoilt = torch.where(labels[:, None] > 0, offsets, 100 * noise(100, 4, seed=1))
    assert place_probe(made(spoilt, labels, offsets)) > 0.97


def test_too_few_boxes_are_refused():
    one_class = made(noise(8, 3), torch.zeros(8, dtype=torch.long))
    with pytest.raises(ScoreError, match="two classes with boxes in both parts"):
        class_probe(one_class)
    with pytest.raises(ScoreError, match="two true boxes in both parts"):
        place_probe(one_class)
    split_apart = made(noise(8, 3), torch.arange(8) % 2)
    with pytest.raises(ScoreError, match="two classes with boxes in both parts"):
        class_probe(split_apart)


def test_the_fisher_ratio_by_hand():
    """Means (0, 1) and (4, 1): tr S_b 4; variances 2 + 2 and 8 + 0: tr S_w 6; a class of one box does not count."""
    features = torch.tensor([[-1.0, 0], [1, 2], [2, 1], [6, 1], [99, 99]])
    look = made(features, torch.tensor([0, 0, 2, 2, 1]))
    assert fisher_ratio(look) == pytest.approx(math.log(4 / 6))


def test_a_frequent_class_weighs_no_more_in_the_fisher_ratio():
    features = torch.tensor([[-1.0], [1], [3], [5]])
    labels = torch.tensor([0, 0, 1, 1])
    many = made(torch.cat([features, *[features[:2]] * 400]), torch.cat([labels, *[labels[:2]] * 400]))
    assert fisher_ratio(many) == pytest.approx(math.log(4 / ((1 + 2) / 2)), abs=1e-2)


@pytest.mark.parametrize(
    ("features", "labels", "part"),
    [
        (torch.zeros(4, 2), [0, 0, 0, 1], "two classes of two boxes each"),
        (torch.ones(4, 2), [0, 0, 1, 1], "all boxes have the same features"),
    ],
)
def test_the_fisher_ratio_s_errors(features, labels, part):
    with pytest.raises(ScoreError, match=part):
        fisher_ratio(made(features, torch.tensor(labels)))
