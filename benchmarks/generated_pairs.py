"""Logs of three sizes with a latent structure: S1, S20 and S100, as Parquet files of user_id, item_id, strength, seen, last_ts.

    python benchmarks/generated_pairs.py S20 FOLDER

A user has three of 50 tastes, and takes 60 % of their items from works of these, the others by popularity, which falls as a
power of rank; how many a user takes is log-normal. Distinct pairs, shuffled; the same seed gives the same files.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TASTES = 50
FILE_USERS = 50_000


@dataclass(frozen=True)
class Size:
    """users, items; taken: pairs that a user takes on average, before repeats fall together."""

    users: int
    items: int
    taken: int


SIZES = {"S1": Size(6_040, 3_700, 148), "S20": Size(138_000, 26_000, 118), "S100": Size(700_000, 100_000, 155)}


def generate(size: Size, folder: Path, seed: int = 42) -> int:
    """Writes the files; gives the number of pairs."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    popularity = (np.arange(size.items) + 10.0) ** -0.8
    cumulated = np.cumsum(popularity) / popularity.sum()
    taste_of = random.integers(0, TASTES, size.items)
    works = np.argsort(taste_of, kind="stable")  # within a taste by popularity
    counts = np.bincount(taste_of, minlength=TASTES)
    starts = np.cumsum(counts) - counts
    pairs = 0
    for first in range(0, size.users, FILE_USERS):
        users = min(FILE_USERS, size.users - first)
        taken = np.clip(random.lognormal(np.log(size.taken * 0.6), 1.0, users), 10, size.items / 4).astype(np.int64)
        user = np.repeat(np.arange(users), taken)
        own = random.integers(0, TASTES, (users, 3))[user, random.integers(0, 3, len(user))]
        place = (random.random(len(user)) ** 2.5 * counts[own]).astype(np.int64)
        item = np.where(
            random.random(len(user)) < 0.6,
            works[starts[own] + place],
            np.searchsorted(cumulated, random.random(len(user))),
        )
        keys = random.permutation(np.unique(user * size.items + np.minimum(item, size.items - 1)))
        user, item = keys // size.items + first, keys % size.items
        table = {
            "user_id": pa.array(user).cast(pa.string()),
            "item_id": pa.array(item).cast(pa.string()),
            "strength": pa.array(np.ones(len(keys))),
            "negative": pa.array(np.zeros(len(keys))),
            "seen": pa.array(np.ones(len(keys), bool)),
            "last_ts": pa.array(np.full(len(keys), 1_700_000_000_000_000), pa.timestamp("us", "UTC")),
        }
        pq.write_table(pa.table(table), folder / f"users-from-{first:07}.parquet", row_group_size=1_000_000)
        pairs += len(keys)
    return pairs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(f"{generate(SIZES[given.size], given.folder):,} pairs in {given.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
