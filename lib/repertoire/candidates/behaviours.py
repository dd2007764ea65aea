"""Which behaviours a pair of user and item is made of, as bits."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repertoire import vocabulary as v

BEHAVIOURS = tuple(name for name in v.EVENT_TYPES if name not in (v.DISLIKE, v.SKIP))
"""Types of events that say that something is wanted; the place of each is the number of its bit."""

_BITS = np.append(1 << np.arange(len(BEHAVIOURS), dtype=np.int64), 0)


def behaviour_bits(types: pa.ChunkedArray) -> NDArray[np.int64]:
    """Of a column event_types; 0 where it is null or names no behaviour."""
    found = [_bits(chunk) for chunk in types.chunks]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _bits(types: pa.ListArray) -> NDArray[np.int64]:
    place = pc.fill_null(pc.index_in(types.values, pa.array(BEHAVIOURS)), len(BEHAVIOURS))
    sums = np.append(0, np.cumsum(_BITS[place.to_numpy(zero_copy_only=False)]))
    offsets = types.offsets.to_numpy()
    return np.asarray(sums[offsets[1:]] - sums[offsets[:-1]])


def speaking_bits(bits: NDArray[np.int64], open_bits: int) -> NDArray[np.int64]:
    """By which behaviours a pair speaks of other items: where it has any that consume, by these alone. open_bits: the others."""
    consuming = bits & ~open_bits
    return np.where(consuming != 0, consuming, bits)


def weights_of(bits: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the weights (of each behaviour) over the behaviours of each pair."""
    distinct, which = np.unique(bits, return_inverse=True)
    return np.asarray(((distinct[:, None] >> np.arange(len(weights))) & 1).astype(float) @ weights)[which]
