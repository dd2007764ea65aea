"""From the factors of users and items to proposals: what is eligible, what is seen, what the history is."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.item_factors import item_factors
from repertoire.candidates.masked_top_k import PROPOSALS, masked_top_k
from repertoire.candidates.pair_kernel import strongest_pairs
from repertoire.candidates.recommender import FittedModel, Request
from repertoire.candidates.user_blocks import PairRows, UserBlock, threads_of_a_task

USER_FACTORS = "user_factors"
_LISTS = "user_id string, masked array<int>, history array<int>"
HISTORY = 50  # the strongest items of a user that may explain a proposal: more would cost more than the scoring


def propose_by_factors(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) of a model of factors; where the history explains nothing, its name is the reason.

    model.tables: user_factors (user_id, factors array<float>) and item_factors (item_id, factors array<float>).
    """
    known = model.tables[USER_FACTORS].join(request.users, v.USER_ID, "left_semi")
    return top_k_for(known.withColumn(v.REASON, F.lit(model.name)), model, request, explain=request.settings.explain)


def top_k_for(
    users: DataFrame, model: FittedModel, request: Request, *, explain: bool, alike: str | None = None
) -> DataFrame:
    """Proposals for `users` (user_id, factors, reason) from the model's item_factors.

    alike: a column of `users` that is equal where the factors are, so that those users are scored together.
    Item factors of more than candidates.max_item_factors_mb are not held but mapped from files, and scored in blocks.
    """
    items = item_factors(model, request.eligible, memory_mb=request.settings.max_item_factors_mb)
    if not len(items.ids):
        return request.spark.createDataFrame([], PROPOSALS)
    partitions = int(request.spark.conf.get("spark.sql.shuffle.partitions") or 1)
    lists = _seen_and_history(request, items.ids, explain, partitions)
    # A number of partitions that is asked for is kept: left to itself, Spark would score small data on one core.
    users = users.repartition(partitions, v.USER_ID)
    if lists is None:
        nothing = F.lit(None).cast("array<int>")
        users = users.withColumns({"masked": nothing, "history": nothing})
    else:
        # Spark does not know how large the lists are, and would broadcast them.
        users = users.join(lists.hint("shuffle_hash"), v.USER_ID, "left")
    if alike is not None:
        users = users.sortWithinPartitions(alike)
    return masked_top_k(users, items, k=request.k, users_per_block=request.settings.users_per_block)


def _seen_and_history(request: Request, items: pa.Array, explain: bool, tasks: int) -> DataFrame | None:
    """user_id, masked and history (array<int>): the items of each user's interactions as positions; None where nobody asks.

    history: the strongest; among equals the latest, then the lower item_id.
    """
    masks = not request.settings.include_seen
    columns = ((v.SEEN,) if masks else ()) + ((v.STRENGTH, v.LAST_TS) if explain else ())
    if not columns:
        return None
    rows = PairRows(request.interactions, columns, partial(_seen_or_strong, masks, explain))
    return rows.in_tasks(items, tasks, threads_of_a_task(request.spark), partial(_lists, masks, explain), _LISTS)


def _seen_or_strong(masks: bool, explain: bool, pairs: pa.Table) -> pa.Table:
    """The pairs that are masked or may explain, with `masked`, the strength, and the time in microseconds."""
    ids = pairs.select([name for name in (v.USER_ID, v.ITEM_ID) if name in pairs.column_names])
    kept = np.zeros(pairs.num_rows, bool)
    if masks:
        kept = pairs.column(v.SEEN).to_numpy()
        ids = ids.append_column("masked", pa.array(kept))
    if explain:
        strength = pairs.column(v.STRENGTH).to_numpy()
        micros = pairs.column(v.LAST_TS).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        ids = ids.append_column("strength", pa.array(strength)).append_column("latest", pc.fill_null(micros, 0))
        kept = kept | (strength > 0)
    return ids if kept.all() else ids.filter(pa.array(kept))


def _lists(masks: bool, explain: bool, blocks: list[UserBlock], threads: int) -> Iterator[pa.RecordBatch]:
    for block in blocks:
        users = len(block.users)
        nobody = pa.nulls(users, pa.list_(pa.int32()))
        lists = {v.USER_ID: block.users, "masked": nobody, "history": nobody}
        if masks:
            masked = block.values[0]
            ends = np.append(0, np.cumsum(masked))[block.starts]
            columns = block.columns if masked.all() else block.columns[masked]
            lists["masked"] = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(columns))
        if explain:
            strength, latest = block.values[-2:]
            ends, strongest = strongest_pairs(block.starts, block.columns, strength, latest, HISTORY)
            lists["history"] = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(strongest))
        yield pa.record_batch(lists)
