"""The smoothest directions on the graph of users and items: leading eigenvectors of the items' normalised co-occurrence."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np
import pyarrow as pa
from scipy.linalg import solve_triangular

from repertoire.candidates.ials_cost import pairs_of_one_task
from repertoire.candidates.pair_kernel import Doubles, Floats, Ints, Longs
from repertoire.candidates.pair_matrix import PairMatrix, matrix_files, ranges
from repertoire.candidates.user_blocks import PairRows, UserBlock, blocks_for, threads_of_a_task
from repertoire.frames.compiled import compiled

_PARTS = 16  # of the users, whose sums are added in order: so that the bits do not depend on who computed which
_OVERSAMPLED = 16
_SUMS = "sums binary"
_LEAST_APART = 1e-4  # of a column, what those before it leave

Multiply = Callable[[Floats], Floats]
Each = Callable[[Callable[[Doubles], Doubles], Iterable[Doubles]], Iterable[Doubles]]


def leading_vectors(
    pairs: PairRows,
    ids: pa.Array,
    counts: Longs,
    scale: Doubles,
    exponent: float,
    factors: int,
    rounds: int,
    seed: int,
) -> Floats:
    """(n, f): eigenvectors of R̃ᵀR̃ with the largest eigenvalues, largest first, each with its largest entry above 0.

    R̃_ui = n_u^(-exponent / 2) × scale_i for every pair, n_u the user's number of pairs. Found by `rounds` of subspace iteration
    from a random start (Halko, Martinsson & Tropp 2011), in one task where its memory holds the pairs, else by all tasks, whose
    sums the driver adds. counts: (n,), pairs of each item. f is the number of items at most.
    """
    spark, count = pairs.frame.sparkSession, int(counts.sum())
    size, scales = min(factors, len(ids)), np.asarray(scale, np.float32)[:, None]
    if count <= pairs_of_one_task(spark):
        threads = threads_of_a_task(spark)

        def whole(blocks: list[UserBlock]) -> Iterator[pa.RecordBatch]:
            matrix = PairMatrix.of(blocks, len(ids))
            weights = _user_weights(matrix, exponent)
            some = ranges(matrix.users, _PARTS)
            with ThreadPoolExecutor(threads) as pool:

                def multiply(vectors: Floats) -> Floats:
                    scaled = scales * vectors
                    return _added(pool.map(lambda users: _part(matrix, users, weights, scaled), some), vectors) * scales

                found = _leading(multiply, len(ids), size, rounds, seed, pool.map)
            yield pa.record_batch({"sums": pa.array([found.tobytes()], pa.binary())})

        [(found,)] = pairs.in_one_task(ids, blocks_for(count), threads, whole, _SUMS).collect()
        return np.frombuffer(found, np.float32).reshape(len(ids), size)

    tasks = spark.sparkContext.defaultParallelism
    files = matrix_files(pairs, ids, count, tasks)

    def multiply_in_tasks(vectors: Floats) -> Floats:
        shared = spark.sparkContext.broadcast(scales * vectors)

        def part(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            matrix = files.open()
            weights = _user_weights(matrix, exponent)
            some = ranges(matrix.users, _PARTS)
            for number in (number for batch in batches for number in batch.column(0).to_pylist()):
                users = some[number] if number < len(some) else (0, 0)
                sums = _part(matrix, users, weights, shared.value)
                yield pa.record_batch({"sums": pa.array([sums.tobytes()], pa.binary())})

        rows = spark.range(0, _PARTS, 1, min(_PARTS, tasks)).mapInArrow(part, _SUMS).toLocalIterator()
        parts = (np.frombuffer(row.sums, np.float32).reshape(vectors.shape) for row in rows)
        return _added(parts, vectors) * scales

    return _leading(multiply_in_tasks, len(ids), size, rounds, seed)


def _added(parts: "Iterator[Floats]", like: Floats) -> Floats:
    total = np.zeros_like(like)
    for part in parts:
        total += part
    return total


def _user_weights(matrix: PairMatrix, exponent: float) -> Floats:
    return np.asarray(np.maximum(matrix.items_of, 1) ** -exponent, np.float32)


def _part(matrix: PairMatrix, users: tuple[int, int], weights: Floats, vectors: Floats) -> Floats:
    sums = np.zeros_like(vectors)
    _add_smoothed(users[0], users[1], matrix.starts, matrix.columns, weights, vectors, sums)
    return sums


@compiled
def _add_smoothed(
    first: int, last: int, starts: Longs, columns: Ints, weights: Floats, vectors: Floats, sums: Floats
) -> None:
    """Adds to each item of users first to last the sum of `vectors` over the user's items, times the user's weight."""
    size = vectors.shape[1]
    total = np.empty(size, np.float32)
    for user in range(first, last):
        begin, end = starts[user], starts[user + 1]
        if begin == end:
            continue
        total[:] = 0
        for pair in range(begin, end):
            row = vectors[columns[pair]]
            for factor in range(size):
                total[factor] += row[factor]
        for factor in range(size):
            total[factor] *= weights[user]
        for pair in range(begin, end):
            row = sums[columns[pair]]
            for factor in range(size):
                row[factor] += total[factor]


def _leading(multiply: Multiply, items: int, size: int, rounds: int, seed: int, each: Each = map) -> Floats:
    random = np.random.Generator(np.random.PCG64(seed))
    width = min(size + _OVERSAMPLED, items)
    basis = _orthonormal(random.standard_normal((items, width)), each)
    for _ in range(rounds):
        basis = _orthonormal(multiply(basis.astype(np.float32)).astype(np.float64), each)
    small: Doubles = basis.T @ multiply(basis.astype(np.float32)).astype(np.float64)
    _, turn = np.linalg.eigh((small + small.T) / 2)
    vectors = basis @ turn[:, ::-1][:, :size]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(size)]
    return np.asarray(vectors * np.where(largest < 0, -1, 1), np.float32)


def _orthonormal(vectors: Doubles, each: Each) -> Doubles:
    """(n, f): an orthonormal basis of the columns, by Cholesky's factor of their products, in a third of the time of QR.
    Where columns are too near to each other for that, QR it is."""
    parts = [vectors[first:last] for first, last in ranges(len(vectors), _PARTS)]
    products = reduce(np.add, each(lambda part: part.T @ part, parts))
    try:
        factor = np.linalg.cholesky(products)
    except np.linalg.LinAlgError:
        return np.linalg.qr(vectors)[0]
    sizes = np.diag(factor) / np.sqrt(np.diag(products))
    if sizes.min() < _LEAST_APART:
        return np.linalg.qr(vectors)[0]
    turn = solve_triangular(factor, np.eye(len(factor)), lower=True).T
    return np.concatenate(list(each(lambda part: part @ turn, parts)))
