"""Fourier transforms and decompositions of matrices, in operations: none of them is made of multiply-accumulates.

Decompositions are counted as in Golub and Van Loan, Matrix Computations (4th edition), to the leading term.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule


def fft(args: Args, out: Tensor) -> Counts:
    """Count 5 n log2 n operations for each transform of n points, real ones too: (input, axes, …)."""
    full = max(args[0], out, key=Tensor.numel)  # of a real transform, the side that is not halved
    points = math.prod(full.shape[axis] for axis in args[1])
    return Counts(elementwise=round(5 * full.numel() * math.log2(points)) if points > 1 else 0)


def of_matrices(operations: Callable[[int, int], float], position: int = 0) -> Rule:
    """Make the rule that counts ``operations(m, n)`` for each matrix of ``m`` rows and ``n`` columns, m ≥ n."""

    def rule(args: Args, out: Any) -> Counts:
        matrices: Tensor = args[position]
        *batch, rows, columns = matrices.shape
        return Counts(elementwise=round(math.prod(batch) * operations(max(rows, columns), min(rows, columns))))

    return rule


def solve(decompose: float, matrix: int, right: int, substitutions: int = 2) -> Rule:
    """Make the rule that solves AX = B: ``decompose`` n³ for each A, and n² for each substitution of each column.

    Args:
        decompose: operations per n³; 0 where A is decomposed or triangular already.
        matrix: the position of A; ``right``, of B.
        substitutions: two, forward and back; one where A is a triangle.
    """

    def rule(args: Args, out: Any) -> Counts:
        a, b = args[matrix], args[right]
        n = a.shape[-1]
        count = math.prod(a.shape[:-2])
        columns = b.numel() // max(1, n)
        return Counts(elementwise=round(count * decompose * n**3 + substitutions * columns * n**2))

    return rule


def lu(m: int, n: int) -> float:
    """Count an LU decomposition, and with it a determinant."""
    return m * n**2 - n**3 / 3


def cholesky(m: int, n: int) -> float:
    """Count a Cholesky decomposition."""
    return n**3 / 3


def inverse(m: int, n: int) -> float:
    """Count an inverse by LU."""
    return 2 * n**3


def qr(m: int, n: int) -> float:
    """Count a QR decomposition by Householder reflections, Q formed."""
    return 4 * m * n**2 - 4 * n**3 / 3


def svd(m: int, n: int) -> float:
    """Count a thin singular value decomposition with both factors."""
    return 14 * m * n**2 + 8 * n**3


def symmetric_eigen(m: int, n: int) -> float:
    """Count eigenvalues and eigenvectors of a symmetric matrix."""
    return 9 * n**3


def eigen(m: int, n: int) -> float:
    """Count eigenvalues and eigenvectors of any square matrix."""
    return 25 * n**3


def exponential(m: int, n: int) -> float:
    """Count a matrix exponential: eight products (Bader et al. 2019)."""
    return 16 * n**3
