"""How alike two rows of a table of ones are: what a common column tells, and how large each row is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from repertoire.candidates.similarity_kernel import COSINE, JACCARD

Similarity = Literal["cosine", "jaccard", "tfidf", "bm25"]
_K1, _B = 1.2, 0.75
"""BM25's saturation and its share of the length, as Robertson & Zaragoza (2009) recommend."""


@dataclass(frozen=True)
class Likeness:
    """With d = Σ told_c over the columns c that rows i and j have in common: COSINE is d / (size_i × size_j + shrink), JACCARD
    d / (size_i + size_j - d + shrink)."""

    kind: int
    told: NDArray[np.float64]
    sizes: NDArray[np.float64]


def likeness(
    similarity: Similarity,
    exponent: float,
    rows_of: NDArray[np.int64],
    columns_of: NDArray[np.int64],
    sums: Callable[[NDArray[np.float64]], NDArray],
) -> Likeness:
    """rows_of (columns,): how many rows have a column; columns_of (rows,): how many columns a row has; sums: from a value of each
    column to its sum over each row's columns.

    cosine: a column that n of N rows have tells n^-exponent of each. tfidf: the cosine where it tells ln((1 + N) / (1 + n)) + 1
    (as scikit-learn does). bm25: Σ idf² × length_i × length_j, where idf = ln(1 + (N - n + ½) / (n + ½)) and a row of m columns,
    of M in the mean, has the length 2.2 / (1 + 1.2 (¼ + ¾ m / M)) (Robertson & Zaragoza 2009); then shrink is of its scale.
    jaccard: every column tells 1.
    """
    rows, n = len(columns_of), np.maximum(rows_of, 1).astype(float)
    if similarity == "jaccard":
        return Likeness(JACCARD, np.ones(len(n)), columns_of.astype(float))
    if similarity == "cosine":
        told = n ** (-2 * exponent)
    elif similarity == "tfidf":
        told = (np.log((1 + rows) / (1 + n)) + 1) ** 2
    else:
        told = np.log1p((rows - n + 0.5) / (n + 0.5)) ** 2
        lengths = columns_of / max(float(columns_of.mean()), 1.0)
        return Likeness(COSINE, told, np.asarray((1 + _K1 * (1 - _B + _B * lengths)) / (1 + _K1), np.float64))
    return Likeness(COSINE, told, np.sqrt(sums(told)))
