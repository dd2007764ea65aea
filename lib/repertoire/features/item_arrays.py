"""What pair features need to know of every item, as arrays: tags, category, creator, price, year, popularity."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from repertoire import vocabulary as v
from repertoire.errors import SettingsError

Doubles = NDArray[np.float64]
_DAYS_OF_A_YEAR = 365.2425
_BYTES_OF_AN_ITEM = 600  # about, with its id, tags and co-visits


@dataclass(frozen=True)
class ItemArrays:
    """Of each item, in the order of `ids`: tags (items, tags), each row of length 1 or empty; category, creator: numbers, -1
    where unknown; log_price, year, log_users: NaN where unknown. log_users is of the users who want it. Each ends with a
    row for an item that is not among them, of which nothing is known: place -1 of `places`. base: the mean row of tags,
    an item counting for its users. creator_share: of each creator, its items' share of all users. co_visits (items, items): how
    much a row's item speaks for a column's, by who wanted both."""

    ids: pa.Array
    tags: csr_array
    category: NDArray[np.int64]
    creator: NDArray[np.int64]
    log_price: Doubles
    year: Doubles
    log_users: Doubles
    base: Doubles
    creator_share: Doubles
    co_visits: csr_array

    def places(self, items: pa.Array) -> NDArray[np.int64]:
        """The place of each item; -1 for one that is not among them."""
        found = pc.index_in(items, value_set=self.ids)
        return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64)


def item_arrays(
    interactions: DataFrame, items: DataFrame | None, co_visits: tuple[pa.Array, csr_array], *, most_mb: int
) -> ItemArrays:
    """The arrays of all items of the interactions and the catalogue, which the driver and each Python worker hold.

    co_visits: ids of items and what each says for each. Raises SettingsError where they would take more than most_mb MB: 600
    bytes an item, about.
    """
    counts = interactions.groupBy(v.ITEM_ID).agg(F.count_if(F.col(v.STRENGTH) > 0).alias("users"))
    if items is not None:
        known = items.select(v.ITEM_ID, *(name for name in _ATTRIBUTES if name in items.columns))
        counts = counts.join(known, v.ITEM_ID, "full_outer")
    table = counts.toArrow().sort_by(v.ITEM_ID)
    if len(table) * _BYTES_OF_AN_ITEM > most_mb * 2**20:
        raise SettingsError(
            f"features of {len(table):,} items would take about {len(table) * _BYTES_OF_AN_ITEM >> 20:,} MB of each Python "
            f"worker, and features.max_item_table_mb allows {most_mb:,}. Raise it, or rank without a ranker "
            "(ranking.ranker.algorithm=none)."
        )
    users = np.nan_to_num(_doubles(table, "users"))
    ids = table.column(v.ITEM_ID).combine_chunks()
    unknown = pa.Table.from_pylist([{}], table.schema)
    table, users = pa.concat_tables([table, unknown]), np.append(users, 0.0)
    tags = _tags(table)
    creator = _codes(table, "creator_id")
    shares = np.bincount(creator[creator >= 0], users[creator >= 0])
    log_users = np.log(np.maximum(users, 1))
    log_users[-1] = np.nan
    return ItemArrays(
        ids=ids,
        tags=tags,
        category=_codes(table, "category"),
        creator=creator,
        log_price=_log(_doubles(table, "price")),
        year=_years(table),
        log_users=log_users,
        base=np.asarray(tags.T @ users) / max(users.sum(), 1),
        creator_share=shares / max(users.sum(), 1),
        co_visits=_co_visits(co_visits, ids),
    )


def _co_visits(given: tuple[pa.Array, csr_array], ids: pa.Array) -> csr_array:
    """Among these items and the one that nobody knows."""
    names, values = given
    places = pc.index_in(names, value_set=ids).to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = values.tocoo()
    shape = (len(ids) + 1, len(ids) + 1)
    found = csr_array((pairs.data.astype(np.float32), (places[pairs.row], places[pairs.col])), shape=shape)
    found.sort_indices()
    return found


_ATTRIBUTES = ("tags", "category", "creator_id", "price", "released")


def _doubles(table: pa.Table, name: str) -> Doubles:
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    values = table.column(name).cast(pa.float64()).combine_chunks()
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False))


def _log(values: Doubles) -> Doubles:
    return np.log(np.where(values > 0, values, np.nan))


def _years(table: pa.Table) -> Doubles:
    if "released" not in table.column_names:
        return np.full(len(table), np.nan)
    days = table.column("released").cast(pa.date32()).cast(pa.int32())
    return 1970 + _doubles(pa.table({"days": days}), "days") / _DAYS_OF_A_YEAR


def _codes(table: pa.Table, name: str) -> NDArray[np.int64]:
    if name not in table.column_names:
        return np.full(len(table), -1)
    encoded = table.column(name).combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)


def _tags(table: pa.Table) -> csr_array:
    if "tags" not in table.column_names:
        return csr_array((len(table), 1))
    lists = table.column("tags").combine_chunks()
    flat = pc.list_flatten(lists)
    rows = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    encoded = flat.dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
    rows, codes = rows[codes >= 0], codes[codes >= 0]
    counts = np.bincount(rows, minlength=len(table))
    values = 1 / np.sqrt(counts[rows]) if len(rows) else np.zeros(0)
    return csr_array((values, (rows, codes)), shape=(len(table), max(1, len(encoded.dictionary))))
