"""From the factors of users and items to proposals: what is eligible, what is seen, what the history is."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.masked_top_k import PROPOSALS, ItemFactors, masked_top_k
from repertoire.candidates.recommender import FittedModel, Request
from repertoire.errors import RepertoireError

USER_FACTORS = "user_factors"
ITEM_FACTORS = "item_factors"
FACTORS = "factors"
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
    The driver holds the item factors; raises RepertoireError if they are larger than
    candidates.max_item_factors_mb, as far as the model's metadata (`items`, `factors`) tells.
    """
    items = _item_factors(model, request)
    if not len(items.ids):
        return request.spark.createDataFrame([], PROPOSALS)
    partitions = int(request.spark.conf.get("spark.sql.shuffle.partitions") or 1)
    positions = pa.table({v.ITEM_ID: items.ids, "position": pa.array(np.arange(len(items.ids), dtype=np.int32))})
    lists = _seen_and_history(request, request.spark.createDataFrame(positions), explain)
    # A number of partitions that is asked for is kept: left to itself, Spark would score small data on one core.
    users = users.repartition(partitions, v.USER_ID).join(lists, v.USER_ID, "left")
    if alike is not None:
        users = users.sortWithinPartitions(alike)
    return masked_top_k(users, items, k=request.k, users_per_block=request.settings.users_per_block)


def _item_factors(model: FittedModel, request: Request) -> ItemFactors:
    bound = request.settings.max_item_factors_mb
    megabytes = model.metadata.get("items", 0) * model.metadata.get("factors", 0) * 4 / 2**20
    if megabytes > bound:
        raise RepertoireError(
            f"{model.name}: {model.metadata['items']:,} items of {model.metadata['factors']} factors are "
            f"{megabytes:,.0f} MB, more than candidates.max_item_factors_mb ({bound}). Every Python worker holds them: "
            "raise the bound if the machines have the memory, or fit fewer factors."
        )
    table = model.tables[ITEM_FACTORS].select(v.ITEM_ID, FACTORS).toArrow()
    table = table.sort_by(v.ITEM_ID).combine_chunks()
    ids, factors = (table.column(name).combine_chunks() for name in (v.ITEM_ID, FACTORS))
    lengths = pc.unique(pc.list_value_length(factors)).to_pylist()
    if len(lengths) > 1:
        raise RepertoireError(f"{model.name}: its items have {sorted(lengths)} factors; all must have as many")
    matrix = factors.flatten().to_numpy(zero_copy_only=False).reshape(len(ids), *lengths or (0,))
    if not np.isfinite(matrix).all():
        raise RepertoireError(f"{model.name}: some of its item factors are not finite; fit it again")
    if request.eligible is None:
        return ItemFactors(ids, matrix)
    eligible = request.eligible.select(v.ITEM_ID).toArrow().column(v.ITEM_ID)
    return ItemFactors(ids, matrix, pc.is_in(ids, eligible).to_numpy(zero_copy_only=False))


def _seen_and_history(request: Request, positions: DataFrame, explain: bool) -> DataFrame:
    """user_id, masked and history (array<int>): the items of each user's interactions as positions.

    history: the strongest; among equals the latest, then the lower item_id.
    """
    masked = F.lit(False) if request.settings.include_seen else F.col(v.SEEN)
    explains = F.col(v.STRENGTH) > 0 if explain else F.lit(False)
    position = F.col("position")
    latest = F.coalesce(F.unix_micros(v.LAST_TS), F.lit(0))
    strongest = F.max_by(position, F.when(explains, F.struct(v.STRENGTH, latest, -position)), HISTORY)
    return (
        request.interactions.where(masked | explains)
        .join(F.broadcast(positions), v.ITEM_ID)
        .groupBy(v.USER_ID)
        .agg(
            F.collect_list(F.when(masked, position)).alias("masked"),
            (strongest if explain else F.lit(None).cast("array<int>")).alias("history"),
        )
    )
