"""How much of what a user took still speaks, by what came after it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repertoire.candidates.pair_kernel import Longs
from repertoire.candidates.sequence_kernel import recency_weights


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
