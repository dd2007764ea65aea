"""Which rows make a batch: the same ones for any number of workers.

Row i belongs to stream i % batch_size. In an epoch each stream is in an order of its own, and batch g is the g-th row of every
stream. A worker has neighbouring streams, so it holds its share of every batch and no other row.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Streams:
    """rows: of all workers together; batch_size: a multiple of workers."""

    rows: int
    batch_size: int
    workers: int

    @property
    def steps(self) -> int:
        """Batches of an epoch. The last one may lack rows."""
        return -(-self.rows // self.batch_size)

    @property
    def share(self) -> int:
        """Streams of one worker: its rows of a batch."""
        return self.batch_size // self.workers

    @property
    def places(self) -> int:
        """Room of one worker: a row for each step and stream, of which some stay empty."""
        return self.steps * self.share

    def rows_of(self, worker: int) -> int:
        full, rest = divmod(self.rows, self.batch_size)
        return full * self.share + min(max(rest - worker * self.share, 0), self.share)

    def place(self, index: NDArray[np.int64], worker: int) -> Places:
        """Where a worker keeps its rows of these indices: stream after stream."""
        return (index % self.batch_size - worker * self.share) * self.steps + index // self.batch_size

    def order(self, worker: int, seed: int, epoch: int) -> Places:
        """(steps, share): the places that make the worker's part of each batch of an epoch.

        A row's turn is the rank of a hash of seed, epoch and its index among those of its stream. Empty places come last.
        Takes 24 bytes a row while it sorts, 8 after.
        """
        stream = worker * self.share + np.arange(self.share, dtype=np.uint64)[:, None]
        index = np.arange(self.steps, dtype=np.uint64)[None, :] * np.uint64(self.batch_size) + stream
        keys = _mixed(index, f"{seed} {epoch}")
        keys[index >= self.rows] = np.iinfo(np.uint64).max
        turns = np.argsort(keys, axis=1, kind="stable")
        return (turns + np.arange(self.share)[:, None] * self.steps).T


def _mixed(index: NDArray[np.uint64], salt: str) -> NDArray[np.uint64]:
    """SplitMix64's output function (Steele, Lea & Flood 2014) of the index-th state after one that the salt sets."""
    start = np.frombuffer(hashlib.blake2b(salt.encode(), digest_size=8).digest(), np.uint64)
    state = start + index * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
