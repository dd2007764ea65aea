"""Users who wanted the same: what a user's neighbours want, by cosine, Jaccard, TF-IDF or BM25."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.item_factors import proposable_items
from repertoire.candidates.likeness import likeness
from repertoire.candidates.masked_top_k import PROPOSALS
from repertoire.candidates.neighbour_kernel import ASKED, MASKED, WANTED, neighbour_lists
from repertoire.candidates.pair_matrix import PairMatrix, over_users
from repertoire.candidates.recommender import FittedModel, Fitting, Recommender, Request
from repertoire.candidates.similarity_kernel import columns_of_range
from repertoire.candidates.training_pairs import is_wanted, nothing_to_learn_from, wanted_rows
from repertoire.candidates.user_blocks import PairRows
from repertoire.frames.local_parquet import local_parquet, read_column
from repertoire.settings import UserKnnSettings

ITEMS = "items"
_BITS, _ASKED = "bits", "asked"


def fit(fitting: Fitting) -> FittedModel:
    """What is known of the items; the neighbours are looked for when they are needed. Raises InputError where nobody wanted
    anything."""
    ids, counts = wanted_rows(fitting.interactions).items()
    count = int(counts.sum())
    if not count:
        raise nothing_to_learn_from(v.USER_KNN)
    return FittedModel(
        name=v.USER_KNN,
        tables={ITEMS: fitting.spark.createDataFrame(pa.table({v.ITEM_ID: ids}))},
        metadata={
            "parameters": fitting.settings.user_knn.model_dump(),
            "items": len(ids),
            "pairs": count,
            "as_of": fitting.as_of.isoformat(),
        },
    )


def propose(model: FittedModel, request: Request) -> DataFrame:
    """Proposals (see `Recommender`) for users who wanted something, by the wanted pairs of all users (Resnick et al. 1994,
    without ratings).

    The `neighbors` users who are most like a user by what they wanted (see `likeness`, users being rows) vote for what they
    wanted, with their likeness ^ power over n_v^user_exponent. All pairs are in the memory of one task with threads, or in files
    that every task maps, and turns around: 9 bytes a pair. Never is more than one user's row of similarities held.
    """
    settings = UserKnnSettings.model_validate(model.metadata["parameters"])
    ids = model.tables[ITEMS].select(v.ITEM_ID).toArrow().column(v.ITEM_ID).combine_chunks().sort()
    proposable = proposable_items(ids, request.eligible)
    columns = (v.SEEN, v.STRENGTH, v.NEGATIVE)
    derive = partial(_bits, not request.settings.include_seen)
    rows, files = PairRows(request.interactions, columns, derive), local_parquet(request.users, (v.USER_ID,))
    if files is None or rows.parts is None:
        files = None
        asked = request.users.select(v.USER_ID, F.lit(True).alias(_ASKED))
        rows = PairRows(request.interactions.join(asked, v.USER_ID, "left"), (*columns, _ASKED), derive)
    lists = partial(_lists, settings, ids, proposable, request.k, files)
    return over_users(rows, ids, int(model.metadata["pairs"]), lists, PROPOSALS)


def _bits(masks: bool, pairs: pa.Table) -> pa.Table:
    """The pairs that are wanted or masked, with what they are as bits; all are asked for where nothing else is said."""
    bits = WANTED * is_wanted(pairs).astype(np.uint8) + MASKED * (pairs.column(v.SEEN).to_numpy() & masks)
    kept = bits > 0
    if _ASKED in pairs.column_names:
        asked = pc.fill_null(pairs.column(_ASKED), False).to_numpy()
    else:
        asked = np.ones(pairs.num_rows, bool)
    found = pairs.select([name for name in (v.USER_ID, v.ITEM_ID) if name in pairs.column_names])
    found = found.append_column(_BITS, pa.array((bits + ASKED * asked).astype(np.uint8)))
    return found if kept.all() else found.filter(pa.array(kept))


def _lists(
    settings: UserKnnSettings,
    ids: pa.Array,
    proposable: Any,
    k: int,
    files: list[str] | None,
    matrix: PairMatrix,
    users: pa.ChunkedArray,
) -> Callable[[int, int], pa.RecordBatch]:
    wanted = (matrix.values & WANTED) > 0
    starts = np.append(0, np.cumsum(wanted))[matrix.starts].astype(np.int64)
    columns = matrix.columns[wanted]
    by_item = columns_of_range(starts, columns, np.zeros(len(columns), np.uint8), 0, matrix.items)[:2]
    of_user = np.repeat(np.arange(matrix.users), np.diff(starts))
    alike = likeness(
        settings.similarity,
        settings.item_exponent,
        np.bincount(columns, minlength=matrix.items),
        np.diff(starts),
        lambda told: np.bincount(of_user, weights=told[columns], minlength=matrix.users),
    )
    votes = np.maximum(np.diff(starts), 1) ** -settings.user_exponent
    bits = matrix.values
    if files is not None:
        asked = pc.is_in(users, read_column(files, v.USER_ID)).to_numpy()
        bits = np.where(np.repeat(asked, matrix.items_of), bits, bits & ~np.uint8(ASKED))
    pairs = (matrix.starts, matrix.columns, bits)

    def rows(first: int, last: int) -> pa.RecordBatch:
        positions, scores, lengths = neighbour_lists(
            first,
            last,
            pairs,
            by_item,
            alike.told,
            alike.kind,
            alike.sizes,
            settings.shrink,
            settings.power,
            votes,
            settings.neighbors,
            proposable,
            k,
        )
        user, place = np.nonzero(np.arange(k) < lengths[:, None])
        return pa.record_batch(
            {
                v.USER_ID: users.slice(first, last - first).combine_chunks().take(pa.array(user)),
                v.ITEM_ID: ids.take(pa.array(positions[user, place])),
                v.SCORE: pa.array(scores[user, place]),
                v.RANK: pa.array((place + 1).astype(np.int32)),
                v.REASON: pa.repeat(v.USER_KNN, len(user)),
            }
        )

    return rows


USER_KNN = Recommender(name=v.USER_KNN, fit=fit, propose=propose)
