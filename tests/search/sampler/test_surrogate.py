"""What the search expects of networks, and which of them add most."""

from __future__ import annotations

import numpy as np

from archlab.search.sampler.hypervolume import by_hypervolume
from archlab.search.sampler.surrogate import Prediction, Surrogate


def test_the_surrogate_interpolates_a_line_and_foretells_a_constant():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    y = 2 * x[:, 0] - x[:, 1] + 7
    new = rng.standard_normal((10, 3))
    assert np.allclose(Surrogate().predict(x, y, new, 40).hoped(0), 2 * new[:, 0] - new[:, 1] + 7, atol=0.05)
    assert np.all(Surrogate().predict(x, np.full(40, 3.0), new, 40).hoped(1) == 3.0)


def prediction(mean, covariance, noise=0.0):
    return Prediction(np.array(mean), np.array(covariance), noise, lambda means: 10 * means)


def test_what_is_hoped_for_is_the_mean_and_deviations_in_the_objectives_units():
    assert prediction([1.0, 2.0], [[4.0, 0.0], [0.0, 0.25]]).hoped(1).tolist() == [30.0, 25.0]


def test_a_batch_takes_what_was_chosen_as_seen():
    # The second is the first one's twin: once that is believed, nothing is left to hope for but its mean.
    twins = prediction([1.0, 0.95, 0.9], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
    assert twins.batch(3, 1.0) == [0, 2, 1]
    assert np.argsort(-twins.hoped(1)).tolist() == [0, 1, 2]
    assert twins.batch(2, 0.0) == [0, 1]
    assert twins.batch(9, 1.0) == [0, 2, 1], "no more than there are"


def test_the_deviation_is_the_processs_without_its_noise():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (60, 1))
    y = np.sin(2 * x[:, 0]) + 0.2 * rng.standard_normal(60)
    far = np.array([[9.0]])
    found = Surrogate().predict(x, y, np.vstack([x, far]), 60)
    deviations = np.sqrt(np.diag(found.covariance))
    assert deviations[:-1].max() < 0.5 * deviations[-1]
    assert deviations[:-1].mean() < np.sqrt(found.noise)


def test_what_adds_most_volume_is_chosen_first():
    # Beyond the front of (0, 1), (1, 0) with the reference (0, 0): areas .81 > .25 > nothing.
    seen = np.array([[0.0, 1.0], [1.0, 0.0]])
    points = np.array([[0.5, 0.5], [0.9, 0.9], [0.0, 0.5]])
    assert by_hypervolume(seen, [points[:, 0], points[:, 1]], 2, np.random.default_rng(0))[0] == 1
