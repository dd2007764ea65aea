"""Rows run down trees, in compiled code."""

import numpy as np
from numpy.typing import NDArray

from repertoire.frames.compiled import compiled_strictly


@compiled_strictly
def add_trees(
    rows: NDArray[np.float32],
    roots: NDArray[np.int64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    value: NDArray[np.float64],
) -> NDArray[np.float64]:
    """For each of rows (rows, width) the sum over trees of the value of the leaf that it comes to: (rows, values).

    Nodes of all trees stand in one row; a leaf has feature -1. A row goes left where its feature is at most the threshold.
    """
    sums = np.zeros((rows.shape[0], value.shape[1]))
    for root in roots:  # tree by tree, so that a tree's nodes stay in the cache
        for row in range(rows.shape[0]):
            node = root
            while feature[node] >= 0:
                node = left[node] if rows[row, feature[node]] <= threshold[node] else right[node]
            for place in range(value.shape[1]):
                sums[row, place] += value[node, place]
    return sums
