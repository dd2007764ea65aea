"""How much of what a user took still speaks, by what came after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from repertoire import vocabulary as v
from repertoire.candidates.pair_kernel import Ints, Longs
from repertoire.candidates.sequence_kernel import recency_weights
from repertoire.candidates.training_pairs import has_time, is_wanted, microseconds
from repertoire.candidates.weighing import Doubles, Weighing


@dataclass(frozen=True)
class Recency:
    """A work speaks half as loudly for every half_life works that were taken since, and for every half_life_days days from it to
    the user's latest; None: no such decay. Equal times share their mean place."""

    half_life: float | None
    half_life_days: float | None

    def weights(self, starts: Longs, times: Longs) -> NDArray[np.float64]:
        """(n,) from 0 to 1: of each pair; starts (users + 1,), times: microseconds."""
        found: NDArray[np.float64] = recency_weights(
            starts, times, self.half_life or np.inf, self.half_life_days or np.inf
        )
        return found


def by_recency(recency: Recency) -> Weighing:
    """Wanted pairs with a time say of others what is left of them; those without one say nothing."""
    return Weighing((v.LAST_TS,), _timed, partial(_says, recency))


def _timed(pairs: pa.Table) -> tuple[NDArray[np.bool_], Sequence[NDArray]]:
    return is_wanted(pairs) & has_time(pairs), (microseconds(pairs),)


def _says(recency: Recency, starts: Longs, items: Ints, values: Sequence[NDArray]) -> tuple[Doubles, Doubles]:
    return recency.weights(starts, values[0]), np.zeros(len(items))
