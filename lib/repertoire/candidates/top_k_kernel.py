"""The exact top-k of a block of users over all items, in NumPy alone.

A float32 product finds the few items that can be in a user's list; those are scored again in float64 in one fixed
order of summation. Where float32 cannot prove that no other item belongs there, all of the user's items are. So the
answer depends on nothing but the factors: not on the block, the partition, or the BLAS.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Positions = NDArray[np.int64]

_MARGIN = 14  # survivors beyond k: more cost time for everyone, fewer leave more users to the exact path
_CELLS = 1 << 22  # float32 scores held at once: 16 MiB, or more where _ROWS asks for it
_ROWS = 16  # users scored at once at least: with fewer, a large catalogue is read from memory for each of them
_UNIT = 2.0**-24  # half an ulp of 1 in float32
_SMALLEST = 2.0**-126  # smallest normal float32: what one flushed product or sum can lose
_LARGEST = 2.0**126  # past this a float32 score may overflow
LOWEST_DECADE = -17
DECADES = np.array([float(f"1e{exponent}") for exponent in range(LOWEST_DECADE + 1, 23)])
TENS = np.array([float(f"1e{exponent}") for exponent in range(23)])


def six_digits(values: Doubles) -> Doubles:
    """Values rounded to 6 significant digits, half to even; never turns an order around, gives no -0.

    Below 1e-17 in size they are rounded to multiples of 1e-22.
    """
    decimals = 5 - (LOWEST_DECADE + np.searchsorted(DECADES, np.abs(values), side="right"))
    up, down = TENS[np.maximum(decimals, 0)], TENS[np.maximum(-decimals, 0)]
    return np.rint(values * up / down) / up * down + 0.0


@dataclass(frozen=True)
class TopK:
    """The lists of b users: `positions` and `scores` are (b, k), best first; `lengths` (b,) says how many count.

    Past a user's length, positions are -1 and scores -inf.
    """

    positions: Positions
    scores: Doubles
    lengths: Positions


@dataclass(frozen=True)
class Items:
    """Item factors laid out for the top-k of one k. `transposed` is (f, padded): an item a column, zeros past `count`.

    Column c belongs to block c mod `blocks`: so the maxima of all blocks are a maximum over rows.
    """

    transposed: Floats
    count: int
    k: int
    survivors: int
    blocks: int
    largest_norm: float

    @classmethod
    def of(cls, matrix: Floats, k: int) -> "Items":
        """From a matrix (n, f) in the order of ids. Raises ValueError unless all is finite and k ≥ 1."""
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1")
        if not np.isfinite(matrix).all():
            raise ValueError("item factors are not all finite")
        count, factors = matrix.shape
        survivors = min(k + _MARGIN, count)
        # Finding the best blocks costs their number, finding the best of their items survivors × their size.
        blocks = max(survivors, round(np.sqrt(survivors * count)), 1)
        padded = -(-count // blocks) * blocks
        transposed = np.zeros((factors, padded), np.float32)
        transposed[:, :count] = matrix.T
        norms = np.sqrt(np.square(matrix, dtype=np.float64).sum(axis=1))
        return cls(transposed, count, k, survivors, blocks, float(norms.max(initial=0.0)))


def exact_top_k(users: Floats, items: Items, masked_rows: Positions, masked_items: Positions) -> TopK:
    """The k best items of each of b users by u·y in float64, rounded to 6 digits, ties by position.

    users: (b, f). masked_rows, masked_items: pairs (row of `users`, position of an item) that may not be proposed, in
    any order, repeats allowed. Raises ValueError unless all factors are finite.
    """
    if not np.isfinite(users).all():
        raise ValueError("user factors are not all finite")
    answer = _empty(len(users), items.k)
    if not len(users) or not items.count:
        return answer
    by_row = np.argsort(masked_rows, kind="stable")
    masked_items = masked_items[by_row]
    starts = np.searchsorted(masked_rows, np.arange(len(users) + 1), sorter=by_row)
    step = max(_ROWS, _CELLS // items.transposed.shape[1])
    for low in range(0, len(users), step):
        high = min(low + step, len(users))
        part = TopK(answer.positions[low:high], answer.scores[low:high], answer.lengths[low:high])
        rows = np.repeat(np.arange(high - low), np.diff(starts[low : high + 1]))
        _fill(part, users[low:high], items, rows, masked_items[starts[low] : starts[high]])
    return answer


def better_of(best: TopK, more: TopK, first: int) -> TopK:
    """The k best of two lists of each user, `more` of items that come after those of `best`, counted from `first` on."""
    positions = np.hstack([best.positions, np.where(more.positions >= 0, more.positions + first, -1)])
    scores = np.hstack([best.scores, more.scores])
    k = best.scores.shape[1]
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]  # equal scores by position, as they stand
    return TopK(
        np.take_along_axis(positions, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
        np.minimum(best.lengths + more.lengths, k),
    )


def float32_error(factors: int) -> float:
    """γ_f = f·u / (1 - f·u): |fl(x·y) - x·y| ≤ γ_f |x|·|y| for any order of summation (Higham 2002, section 3.1)."""
    return factors * _UNIT / (1 - factors * _UNIT)


def _empty(users: int, k: int) -> TopK:
    return TopK(np.full((users, k), -1), np.full((users, k), -np.inf), np.zeros(users, np.int64))


def _fill(answer: TopK, users: Floats, items: Items, rows: Positions, masked: Positions) -> None:
    """Writes the lists of a few users into `answer`; `rows` is sorted."""
    vectors, vector_of = _distinct(users)
    # Nanoseconds for each item, as measured: the exact path scores and sorts once for each distinct vector, the other
    # one multiplies for each user. Shared vectors (popularity, cold users) are cheaper exactly, and full of ties.
    exact_cost = np.count_nonzero(vectors) + 60 * len(vectors)
    if exact_cost < len(users) * (2 + users.shape[1] / 25):
        return _fill_from_orders(answer, np.arange(len(users)), vectors, vector_of, items, rows, masked)
    certain = _fill_from_float32(answer, users, items, rows, masked)
    if not certain.all():
        left = np.flatnonzero(~certain)
        row_left = np.cumsum(~certain) - 1
        keep = ~certain[rows]
        vectors, vector_of = _distinct(users[left])
        _fill_from_orders(answer, left, vectors, vector_of, items, row_left[rows[keep]], masked[keep])
    return None


def _distinct(users: Floats) -> tuple[Floats, Positions]:
    """The different rows of `users`, and for each row the number of its equal."""
    whole = np.ascontiguousarray(users).view(np.dtype((np.void, users.shape[1] * 4))).ravel()
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return users[first], number


def _fill_from_float32(
    answer: TopK, users: Floats, items: Items, rows: Positions, masked: Positions
) -> NDArray[np.bool_]:
    """Fills every list by way of a float32 product; says for which users the result is proven."""
    with np.errstate(over="ignore", invalid="ignore"):
        scores = users @ items.transposed
        scores[:, items.count :] = -np.inf
        scores[rows, masked] = -np.inf
        survivors, best = _best_of_blocks(scores, items)
    # No item but the survivors has a higher float32 score than `floor`.
    floor = best.min(axis=1).astype(np.float64) if items.survivors < items.count else np.full(len(users), -np.inf)
    survivors.sort(axis=1)
    exact = np.zeros(survivors.shape)
    for factor, of_items in enumerate(items.transposed):
        exact += users[:, factor, None].astype(np.float64) * of_items[survivors]
    out = (survivors >= items.count) | (np.take_along_axis(scores, survivors, axis=1) == -np.inf)
    exact = np.where(out, -np.inf, six_digits(exact))
    order = np.argsort(-exact, axis=1, kind="stable")[:, : items.k]
    length = order.shape[1]
    ordered = np.take_along_axis(exact, order, axis=1)
    answer.scores[:, :length] = ordered
    answer.positions[:, :length] = np.where(ordered == -np.inf, -1, np.take_along_axis(survivors, order, axis=1))
    answer.lengths[:] = (ordered > -np.inf).sum(axis=1)

    norms = np.sqrt(np.square(users, dtype=np.float64).sum(axis=1)) * items.largest_norm * (1 + 1e-9)
    factors = users.shape[1]
    # The float64 scores err too, by 2^-29 of what float32 does at most: 1 % covers it many times.
    error = 1.01 * float32_error(factors) * norms + 2 * factors * _SMALLEST
    with np.errstate(invalid="ignore"):
        # Strictly: an item beyond the survivors that rounds to the same score might come first by its position.
        proven = (floor == -np.inf) | (six_digits(floor + error) < ordered[:, -1])
    return proven & (norms < _LARGEST)


def _best_of_blocks(scores: Floats, items: Items) -> tuple[Positions, Floats]:
    """Columns and values (b, survivors) of the highest scores, in no order.

    Only the `survivors` blocks with the highest maxima can hold them: their maxima alone are as many scores, and
    no score of another block is higher than the least of these.
    """
    blocks, keep = items.blocks, items.survivors
    maxima = scores.reshape(len(scores), -1, blocks).max(axis=1)
    chosen = np.argpartition(maxima, blocks - keep, axis=1)[:, blocks - keep :]
    steps = np.arange(0, scores.shape[1], blocks)
    columns = (chosen[:, None, :] + steps[:, None]).reshape(len(scores), -1)
    values = np.take_along_axis(scores, columns, axis=1)
    best = np.argpartition(values, values.shape[1] - keep, axis=1)[:, values.shape[1] - keep :]
    return np.take_along_axis(columns, best, axis=1), np.take_along_axis(values, best, axis=1)


def _fill_from_orders(
    answer: TopK,
    lists: Positions,
    vectors: Floats,
    vector_of: Positions,
    items: Items,
    rows: Positions,
    masked: Positions,
) -> None:
    """Scores and sorts all items once for each distinct vector, then walks down that order past what is masked.

    lists: rows of `answer` to fill; `vector_of` and the sorted `rows` count along them.
    """
    by_vector = np.argsort(vector_of, kind="stable")
    turn = np.empty(len(lists), np.int64)
    turn[by_vector] = np.arange(len(lists))
    lists, rows = lists[by_vector], turn[rows]
    by_turn = np.argsort(rows, kind="stable")
    rows, masked = rows[by_turn], masked[by_turn]
    last = np.cumsum(np.bincount(vector_of, minlength=len(vectors)))
    place = np.empty(items.count, np.int64)
    for number, vector in enumerate(vectors):
        total = np.zeros(items.count)
        for factor in np.flatnonzero(vector):  # adding a zero would change no sum
            total += vector[factor].astype(np.float64) * items.transposed[factor, : items.count]
        rounded = six_digits(total)
        order = np.argsort(-rounded, kind="stable")
        place[order] = np.arange(items.count)
        low, end = last[number - 1] if number else 0, last[number]
        first, stop = np.searchsorted(rows, [low, end])
        reach = min(items.count, items.k + int(np.bincount(rows[first:stop] - low).max(initial=0)))
        step = max(1, _CELLS // reach)
        for head in range(low, end, step):
            tail = min(head + step, end)
            first, stop = np.searchsorted(rows, [head, tail])
            places = place[masked[first:stop]]
            _walk(answer, lists[head:tail], rows[first:stop] - head, places, order[:reach], rounded)


def _walk(
    answer: TopK, lists: Positions, rows: Positions, places: Positions, order: Positions, scores: Doubles
) -> None:
    """The first k items of `order` that are not masked, for users who share it; (row, place in the order) is masked."""
    k = answer.positions.shape[1]
    free = np.ones((len(lists), len(order)), bool)
    near = places < len(order)
    free[rows[near], places[near]] = False
    nth = np.cumsum(free, axis=1, dtype=np.int32)
    row, column = np.nonzero(free & (nth <= k))
    slot = nth[row, column] - 1
    answer.positions[lists], answer.scores[lists] = -1, -np.inf
    answer.positions[lists[row], slot] = order[column]
    answer.scores[lists[row], slot] = scores[order[column]]
    answer.lengths[lists] = np.minimum(nth[:, -1], k)
