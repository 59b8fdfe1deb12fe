"""What the search expects of networks that it has not evaluated: scikit-learn's ridge and Gaussian process together.

Ridge on graph features extrapolates along them; the process, with an isotropic kernel and noise, bends it to what was
seen nearby. Both see values made as normal as a power makes them, so that a few bad networks, such as the smallest of a
space, do not set the scale on which the good ones differ. Each is weighted by how well it predicts results that were
left out of it, so the study itself decides which.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import fminbound
from scipy.stats import yeojohnson
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PowerTransformer
from threadpoolctl import ThreadpoolController

_ALPHAS = np.logspace(-3, 4, 15)
_TINY = 1e-9
MOST_POWER = 20.0
"""The powers that are looked at; 1 changes nothing."""


@dataclass(frozen=True)
class Prediction:
    """What is expected of candidates, on the scale of the models.

    Attributes:
        mean, deviation: by candidate; the deviation is the process's, without its noise.
        noise: the variance of that.
        back: from that scale to the objective's units.
    """

    mean: np.ndarray
    deviation: np.ndarray
    noise: float
    back: Callable[[np.ndarray], np.ndarray]

    def hoped(self, deviations: float) -> np.ndarray:
        """Return what to hope for: the mean and so many standard deviations of the process, in the objective's units.

        That is an upper confidence bound (Srinivas et al. 2010, arXiv:0912.3995).
        """
        return self.back(self.mean + deviations * self.deviation)


class Power(PowerTransformer):  # type: ignore[misc]
    """Yeo-Johnson's transformation, standardised (Yeo & Johnson 2000, Biometrika 87), fitted in a third of the time.

    For the likelihood of each power scikit-learn asks scipy, which looks for axes and missing values again and again.
    Were this method renamed there, its own would stand in.
    """

    def _yeo_johnson_optimize(self, x: np.ndarray) -> float:
        slope = float(np.sum(np.sign(x) * np.log1p(np.abs(x))))

        def loss(power: float) -> float:
            return len(x) / 2 * math.log(max(yeojohnson(x, power).var(), _TINY)) - (power - 1) * slope

        return float(fminbound(loss, -MOST_POWER, MOST_POWER, xtol=1e-8))


class Surrogate:
    """The model of one objective, refitted as results come.

    The process's hyperparameters are found again when there is a tenth more to learn from.
    """

    def __init__(self) -> None:
        self._fitted_on = 0
        self._kernel: Kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(3.0, (1e-1, 1e3)) + WhiteKernel(0.1, (1e-4, 1e1))
        self._threads = ThreadpoolController()

    def predict(self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int) -> Prediction:
        """Return what to expect of ``candidates`` after ``y`` was seen at ``x``; ``seen``: of so many results."""
        # One thread: a search shares its machine with what it evaluates.
        checked = config_context(assume_finite=True, skip_parameter_validation=True)
        with self._threads.limit(limits=1), checked, warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._predict(x, y, candidates, seen)

    def _predict(self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int) -> Prediction:
        width, offset = float(y.std()), float(y.mean())
        if not width:
            nothing = np.zeros(len(candidates))
            return Prediction(nothing, nothing, 1.0, lambda mean: mean + offset)
        scale = Power()
        scaled = scale.fit_transform(((y - offset) / width)[:, None])[:, 0]
        ridge = RidgeCV(_ALPHAS).fit(x, scaled)
        process = self._fit(x, scaled, seen)
        # Weights as for independent estimates of one number; ``best_score_`` is ridge's own, negated.
        ours, theirs = 1 / max(-ridge.best_score_, _TINY), 1 / max(left_out(process), _TINY)
        around, spread = process.predict(candidates, return_std=True)
        mean = (ours * ridge.predict(candidates) + theirs * around) / (ours + theirs)
        noise = float(self._kernel.k2.noise_level)
        deviation = np.sqrt(np.maximum(spread**2 - noise, 0))
        return Prediction(mean, deviation, noise, lambda means: _back(means, scaled, scale) * width + offset)

    def _fit(self, x: np.ndarray, y: np.ndarray, seen: int) -> GaussianProcessRegressor:
        if seen < 1.1 * self._fitted_on:
            return GaussianProcessRegressor(self._kernel, optimizer=None).fit(x, y)
        self._fitted_on = seen
        process = GaussianProcessRegressor(self._kernel).fit(x, y)
        self._kernel = process.kernel_
        return process


def _back(mean: np.ndarray, seen: np.ndarray, scale: PowerTransformer) -> np.ndarray:
    """Transform values back; beyond what was seen in a straight line, where the inverse may have no value."""
    clipped = np.clip(mean, seen.min(), seen.max())
    low, high = scale.inverse_transform(np.array([[np.median(seen)], [seen.max()]]))[:, 0]
    slope = (high - low) / max(seen.max() - np.median(seen), _TINY)
    inverse: np.ndarray = scale.inverse_transform(clipped[:, None])[:, 0]
    straight: np.ndarray = inverse + (mean - clipped) * slope
    return straight


def left_out(process: GaussianProcessRegressor) -> float:
    """Return a process's mean squared error of results when each is left out (Rasmussen & Williams 2006, eq. 5.12)."""
    inverse, _ = lapack.dpotri(process.L_, lower=1)
    error: float = np.mean((process.alpha_ / np.diag(inverse)) ** 2)
    return error
