"""How much each of the works that a user has says of others, and of itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from repertoire.candidates.pair_kernel import Doubles, Ints, Longs
from repertoire.candidates.training_pairs import is_wanted


@dataclass(frozen=True)
class Weighing:
    """columns: those of the interactions that it needs besides strength, negative and seen.

    of_pairs: from a table of all of these, whether each pair speaks (n,), and any values (n,) of it. says: from starts and items
    of users' speaking pairs, and those values of them, how much each says of other items (n,) and of its own (n,); 0: nothing.
    Both are sent to tasks: functions of modules, or `partial` of them.
    """

    columns: tuple[str, ...]
    of_pairs: Callable[[pa.Table], tuple[NDArray[np.bool_], Sequence[NDArray]]]
    says: Callable[[Longs, Ints, Sequence[NDArray]], tuple[Doubles, Doubles]]


def _wanted(pairs: pa.Table) -> tuple[NDArray[np.bool_], Sequence[NDArray]]:
    return is_wanted(pairs), ()


def _all_alike(starts: Longs, items: Ints, values: Sequence[NDArray]) -> tuple[Doubles, Doubles]:
    return np.ones(len(items)), np.zeros(len(items))


ALL_ALIKE = Weighing((), _wanted, _all_alike)
"""Every wanted pair says as much of others, and nothing of itself."""
