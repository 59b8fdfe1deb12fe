"""What the search expects of networks, and which of them add most."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer

from archlab.search.sampler.hypervolume import by_hypervolume
from archlab.search.sampler.surrogate import Power, Prediction, Surrogate


def test_the_surrogate_interpolates_a_line_and_foretells_a_constant():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 3))
    y = 2 * x[:, 0] - x[:, 1] + 7
    new = rng.standard_normal((10, 3))
    assert np.allclose(Surrogate().predict(x, y, new, 40).hoped(0), 2 * new[:, 0] - new[:, 1] + 7, atol=0.05)
    assert np.all(Surrogate().predict(x, np.full(40, 3.0), new, 40).hoped(1) == 3.0)


def test_what_is_hoped_for_is_the_mean_and_deviations_in_the_objectives_units():
    found = Prediction(np.array([1.0, 2.0]), np.array([2.0, 0.5]), 0.1, lambda means: 10 * means)
    assert found.hoped(1).tolist() == [30.0, 25.0]
    assert found.hoped(0).tolist() == [10.0, 20.0]


def test_the_deviation_is_the_processs_without_its_noise():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (60, 1))
    y = np.sin(2 * x[:, 0]) + 0.2 * rng.standard_normal(60)
    far = np.array([[9.0]])
    found = Surrogate().predict(x, y, np.vstack([x, far]), 60)
    assert found.deviation[:-1].max() < 0.5 * found.deviation[-1]
    assert found.deviation[:-1].mean() < np.sqrt(found.noise)


def test_what_adds_most_volume_is_chosen_first():
    # Beyond the front of (0, 1), (1, 0) with the reference (0, 0): areas .81 > .25 > nothing.
    seen = np.array([[0.0, 1.0], [1.0, 0.0]])
    points = np.array([[0.5, 0.5], [0.9, 0.9], [0.0, 0.5]])
    assert by_hypervolume(seen, [points[:, 0], points[:, 1]], 2, np.random.default_rng(0))[0] == 1


SHAPES = {"even": lambda z: z, "both tails": lambda z: z**3, "a long tail": lambda z: np.exp(2 * z),
          "one outlier": lambda z: np.append(z, -1000), "ties": np.round}  # fmt: skip


def test_scikit_learn_still_asks_for_the_power_where_ours_gives_it():
    assert Power._yeo_johnson_optimize.__name__ in vars(PowerTransformer)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [4, 30, 200])
def test_the_power_is_the_one_that_scikit_learn_finds(shape, count):
    values = SHAPES[shape](np.random.default_rng(count).standard_normal(count))[:, None]
    values = (values - values.mean()) / values.std()
    ours, theirs = Power().fit(values), PowerTransformer().fit(values)
    assert ours.lambdas_ == pytest.approx(theirs.lambdas_, abs=1e-5)
    assert np.allclose(ours.inverse_transform(ours.transform(values)), values, atol=1e-6)
