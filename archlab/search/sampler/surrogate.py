"""What the search expects of networks that it has not evaluated: scikit-learn's ridge and Gaussian process together.

Ridge on graph features extrapolates along them; the process, with an isotropic kernel and noise, bends it to what was
seen nearby. Both see values made as normal as a power makes them, so that a few bad networks, such as the smallest of a
space, do not set the scale on which the good ones differ. Each is weighted by how well it predicts results that were
left out of it, so the study itself decides which.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.linalg import lapack
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PowerTransformer
from threadpoolctl import ThreadpoolController

_ALPHAS = np.logspace(-3, 4, 15)
_TINY = 1e-9


class Surrogate:
    """The model of one objective, refitted as results come.

    The process's hyperparameters are found again when there is a tenth more to learn from.
    """

    def __init__(self) -> None:
        self._fitted_on = 0
        self._kernel: Kernel = ConstantKernel(1.0, (1e-3, 1e3)) * RBF(3.0, (1e-1, 1e3)) + WhiteKernel(0.1, (1e-4, 1e1))
        self._threads = ThreadpoolController()

    def expect(self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int) -> np.ndarray:
        """Return what to expect of ``candidates``, in the objective's units, after ``y`` was seen at ``x``.

        ``seen`` is how many results there are, of which ``y`` may be a part.
        """
        # One thread: a search shares its machine with what it evaluates.
        with self._threads.limit(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._expect(x, y, candidates, seen)

    def _expect(self, x: np.ndarray, y: np.ndarray, candidates: np.ndarray, seen: int) -> np.ndarray:
        spread, offset = float(y.std()), float(y.mean())
        if not spread:
            return np.full(len(candidates), offset)
        scale = PowerTransformer()  # Yeo-Johnson's, standardised
        scaled = scale.fit_transform(((y - offset) / spread)[:, None])[:, 0]
        ridge = RidgeCV(_ALPHAS).fit(x, scaled)
        self._learn(x, scaled, seen)
        process = GaussianProcessRegressor(self._kernel, optimizer=None).fit(x, scaled)
        # Weights as for independent estimates of one number; ``best_score_`` is ridge's own, negated.
        ours, theirs = 1 / max(-ridge.best_score_, _TINY), 1 / max(left_out(process), _TINY)
        mean = (ours * ridge.predict(candidates) + theirs * process.predict(candidates)) / (ours + theirs)
        expected: np.ndarray = _back(mean, scaled, scale) * spread + offset
        return expected

    def _learn(self, x: np.ndarray, y: np.ndarray, seen: int) -> None:
        if seen >= 1.1 * self._fitted_on:
            self._fitted_on = seen
            self._kernel = GaussianProcessRegressor(self._kernel).fit(x, y).kernel_


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
