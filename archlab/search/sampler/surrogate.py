"""What the search expects of networks that it has not evaluated: scikit-learn's ridge and Gaussian process together.

Ridge on graph features extrapolates along them; the process, with an isotropic kernel and noise, bends it to what was
seen nearby. Both see values made as normal as a power makes them, so that a few bad networks, such as the smallest of a
space, do not set the scale on which the good ones differ. Each is weighted by how well it predicts results that were
left out of it, so the study itself decides which.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PowerTransformer
from threadpoolctl import ThreadpoolController

_ALPHAS = np.logspace(-3, 4, 15)
_TINY = 1e-9


@dataclass(frozen=True)
class Prediction:
    """What is expected of candidates, on the scale of the models.

    Attributes:
        mean: by candidate.
        covariance: of the process, without its noise, whose variance is ``noise``; zeros where it was not asked for.
        back: from that scale to the objective's units.
    """

    mean: np.ndarray
    covariance: np.ndarray
    noise: float
    back: Callable[[np.ndarray], np.ndarray]

    def hoped(self, deviations: float) -> np.ndarray:
        """Return what to hope for: the mean and so many standard deviations of the process, in the objective's units.

        That is an upper confidence bound (Srinivas et al. 2010, arXiv:0912.3995).
        """
        return self.back(self.mean + deviations * _deviation(np.diag(self.covariance)))

    def batch(self, count: int, deviations: float) -> list[int]:
        """Return ``count`` candidates, one after another, each as if what was expected of those before had been seen.

        The process is refitted with these believed values (Ginsbourger et al. 2010, the kriging believer): its mean
        stays, and it is sure of what is like those chosen already, so that a batch is not the same network five times.
        """
        covariance, chosen = self.covariance.copy(), list[int]()
        for _ in range(min(count, len(self.mean))):
            hoped = self.mean + deviations * _deviation(np.diag(covariance))
            hoped[chosen] = -np.inf
            best = int(hoped.argmax())
            chosen.append(best)
            column = covariance[:, best].copy()
            covariance -= np.outer(column, column) / max(column[best] + self.noise, _TINY)
        return chosen


def _deviation(variance: np.ndarray) -> np.ndarray:
    deviation: np.ndarray = np.sqrt(np.maximum(variance, 0))
    return deviation


class Surrogate:
    """The model of one objective, refitted as results come.

    The process's hyperparameters are found again when there is a tenth more to learn from.
    """

    def __init__(self) -> None:
        self._fitted_on = 0
        self._kernel: Kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(3.0, (1e-1, 1e3)) + WhiteKernel(0.1, (1e-4, 1e1))
        self._threads = ThreadpoolController()

    def predict(
        self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int, spread: bool = True
    ) -> Prediction:
        """Return what to expect of ``candidates`` after ``y`` was seen at ``x``.

        Args:
            seen: how many results there are, of which ``y`` may be a part.
            spread: whether to compute how sure that is, which takes most of the time.
        """
        # One thread: a search shares its machine with what it evaluates.
        checked = config_context(assume_finite=True, skip_parameter_validation=True)
        with self._threads.limit(limits=1), checked, warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._predict(x, y, candidates, seen, spread)

    def _predict(self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int, spread: bool) -> Prediction:
        width, offset = float(y.std()), float(y.mean())
        unknown = np.zeros((len(candidates), len(candidates)))
        if not width:
            return Prediction(unknown[:, 0], unknown, 1.0, lambda mean: mean + offset)
        scale = PowerTransformer()  # Yeo-Johnson's, standardised
        scaled = scale.fit_transform(((y - offset) / width)[:, None])[:, 0]
        ridge = RidgeCV(_ALPHAS).fit(x, scaled)
        process = self._fit(x, scaled, seen)
        # Weights as for independent estimates of one number; ``best_score_`` is ridge's own, negated.
        ours, theirs = 1 / max(-ridge.best_score_, _TINY), 1 / max(left_out(process), _TINY)
        around, covariance = (
            process.predict(candidates, return_cov=True) if spread else (process.predict(candidates), unknown)
        )
        mean = (ours * ridge.predict(candidates) + theirs * around) / (ours + theirs)
        noise = float(self._kernel.k2.noise_level)
        if spread:
            covariance[np.diag_indices_from(covariance)] -= noise
        return Prediction(mean, covariance, noise, lambda means: _back(means, scaled, scale) * width + offset)

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
