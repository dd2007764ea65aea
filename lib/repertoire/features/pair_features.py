"""What is known of a user and a candidate together: what sources say, what the user had to do with its like, and with itself."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from repertoire import vocabulary as v
from repertoire.declared_features import of_candidates
from repertoire.features.co_visit_kernel import co_visits
from repertoire.features.item_arrays import ItemArrays
from repertoire.frames.whole_users import whole_users

Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]

_LAST = 10
_RANK_OFFSET = 10
_DAY = 86_400_000_000  # microseconds
_KIND, _PLACE = "kind", "place"
_CANDIDATE, _HISTORY = 0, 1
_OF_HISTORY = {
    v.STRENGTH: "double",
    v.NEGATIVE: "double",
    v.EVENTS: "bigint",
    v.SEEN: "boolean",
    "last": "bigint",
    "cart": "boolean",
}


def build_pair_features(
    proposals: DataFrame,
    interactions: DataFrame,
    items: ItemArrays,
    *,
    cutoff: dt.datetime,
    sources: Sequence[str],
) -> DataFrame:
    """A row for each user and candidate: user_id, item_id, source, reason, and the features of `of_candidates(sources)`.

    proposals: user_id, item_id, source, score, rank, reason; interactions: the table, of the same cutoff; sources: those whose
    proposals count, in an order. source and reason are those of the source that ranks the item highest, the first one of equals.
    One shuffle by user of proposals and interactions; each task takes some users' rows at a time.
    """
    features = [one.name for one in of_candidates(sources)]
    place = F.array_position(F.array(*map(F.lit, sources)), F.col(v.SOURCE)) - 1
    candidates = proposals.where(F.col(v.SOURCE).isin(*sources)).select(
        v.USER_ID, v.ITEM_ID, F.lit(_CANDIDATE).alias(_KIND), place.cast("int").alias("place"), v.SCORE, v.RANK, v.REASON,
        *(F.lit(None).cast(kind).alias(name) for name, kind in _OF_HISTORY.items()),
    )  # fmt: skip
    history = interactions.join(candidates.select(v.USER_ID).distinct(), v.USER_ID, "left_semi").select(
        v.USER_ID, v.ITEM_ID, F.lit(_HISTORY).alias(_KIND), F.lit(0).alias("place"), F.lit(0.0).alias(v.SCORE),
        F.lit(0).alias(v.RANK), F.lit("").alias(v.REASON),
        v.STRENGTH, v.NEGATIVE, v.EVENTS, v.SEEN, F.unix_micros(v.LAST_TS).alias("last"),
        F.coalesce(F.array_contains(v.TYPES, v.CART), F.lit(False)).alias("cart"),
    )  # fmt: skip
    partitions = int(proposals.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    rows = candidates.unionByName(history).repartition(partitions, v.USER_ID)
    ordered = rows.sortWithinPartitions(v.USER_ID, _KIND, v.ITEM_ID, "place")
    shared = proposals.sparkSession.sparkContext.broadcast(items)
    end, names = int(cutoff.timestamp() * 1e6), list(sources)

    def describe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in whole_users(batches):
            yield _describe(table, shared.value, end, names)

    schema = f"{v.USER_ID} string, {v.ITEM_ID} string, {v.SOURCE} string, {v.REASON} string, "
    return ordered.mapInArrow(describe, schema + ", ".join(f"`{name}` double" for name in features))


def _describe(table: pa.Table, items: ItemArrays, end: int, sources: Sequence[str]) -> pa.RecordBatch:
    """The features of the candidates of some users, whose rows are whole and in the order of user, kind and item."""
    table = table.combine_chunks()
    user_ids = table.column(v.USER_ID).combine_chunks()
    users = _numbered(user_ids)
    kinds = table.column(_KIND).to_numpy()
    rows, past = np.flatnonzero(kinds == _CANDIDATE), np.flatnonzero(kinds == _HISTORY)
    places = items.places(table.column(v.ITEM_ID).combine_chunks())
    own, candidates = users[rows], places[rows]
    begins = np.flatnonzero(np.append(True, (np.diff(own) != 0) | (np.diff(candidates) != 0)))[: len(rows)]
    pair = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(rows))))
    found = _of_sources(table, rows, own, pair, len(begins), sources)
    speaker = _speakers(table, rows, pair)
    history = _History.of(table, users[past], places[past], past, items)
    found |= _of_history(history, own[begins], candidates[begins], items, end)
    whole = rows[speaker]
    arrays = [
        user_ids.take(pa.array(whole)),
        table.column(v.ITEM_ID).combine_chunks().take(pa.array(whole)),
        pa.array(sources, pa.string()).take(pa.array(table.column(_PLACE).to_numpy()[whole])),
        table.column(v.REASON).combine_chunks().take(pa.array(whole)),
    ]
    names = [one.name for one in of_candidates(sources)]
    arrays += [pa.array(found[name], pa.float64(), from_pandas=True) for name in names]
    return pa.RecordBatch.from_arrays(arrays, [v.USER_ID, v.ITEM_ID, v.SOURCE, v.REASON, *names])


def _numbered(ids: pa.Array) -> Codes:
    """Ids, equal ones together, as numbers from 0 in their order."""
    encoded = ids.dictionary_encode().indices.to_numpy().astype(np.int64)
    return np.cumsum(np.append(False, np.diff(encoded) != 0)) if len(encoded) else encoded


def _of_sources(
    table: pa.Table, rows: Codes, users: Codes, pair: Codes, pairs: int, sources: Sequence[str]
) -> dict[str, Doubles]:
    place = table.column(_PLACE).to_numpy()[rows]
    scores, ranks = table.column(v.SCORE).to_numpy()[rows], table.column(v.RANK).to_numpy()[rows]
    lists = users * len(sources) + place
    count = np.maximum(np.bincount(lists), 1)
    mean = np.bincount(lists, scores) / count
    apart = scores - mean[lists]
    deviation = np.sqrt(np.bincount(lists, apart**2) / count)
    least = np.full(len(count), np.inf)
    np.minimum.at(least, lists, scores)
    even = deviation[lists]
    normal = np.divide(scores - least[lists], even, out=np.zeros_like(scores), where=even > 0)
    found: dict[str, Doubles] = {}
    for number, source in enumerate(sources):
        of_source = place == number
        score, rank = np.zeros(pairs), np.zeros(pairs)
        score[pair[of_source]] = normal[of_source]
        rank[pair[of_source]] = 1 / (_RANK_OFFSET + ranks[of_source])
        found |= {f"score_{source}": score, f"rank_{source}": rank}
    found["sources"] = np.bincount(pair, minlength=pairs).astype(np.float64)
    return found


def _speakers(table: pa.Table, rows: Codes, pair: Codes) -> Codes:
    """For each pair the number among `rows` of the one whose source ranks it highest."""
    order = np.lexsort((table.column(_PLACE).to_numpy()[rows], table.column(v.RANK).to_numpy()[rows], pair))
    return order[np.flatnonzero(np.append(True, np.diff(pair[order]) != 0))[: len(order)]]


@dataclass(frozen=True)
class _History:
    """What some users had to do with items, a row a pair: user and item numbers; wanted: by strength; lately: among the last ten
    of these; last: microseconds since 1970, NaN where untimed."""

    users: Codes
    items: Codes
    wanted: NDArray[np.bool_]
    lately: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    last: Doubles
    events: Doubles
    refused: Doubles
    cart: NDArray[np.bool_]

    @classmethod
    def of(cls, table: pa.Table, users: Codes, places: Codes, past: Codes, items: ItemArrays) -> "_History":
        known = places >= 0
        users, places, past = users[known], places[known], past[known]
        taken = {name: table.column(name).combine_chunks().take(pa.array(past)) for name in _OF_HISTORY}
        wanted = taken[v.STRENGTH].to_numpy(zero_copy_only=False) > 0
        last = pc.fill_null(taken["last"].cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        return cls(
            users=users,
            items=places,
            wanted=wanted,
            lately=_lately(users, wanted & ~np.isnan(last), last),
            seen=taken[v.SEEN].to_numpy(zero_copy_only=False).astype(bool),
            last=last,
            events=taken[v.EVENTS].to_numpy(zero_copy_only=False).astype(np.float64),
            refused=taken[v.NEGATIVE].to_numpy(zero_copy_only=False),
            cart=taken["cart"].to_numpy(zero_copy_only=False).astype(bool),
        )


def _lately(users: Codes, timed: NDArray[np.bool_], last: Doubles) -> NDArray[np.bool_]:
    """Which rows are among the user's ten last timed ones; of equal times the first rows."""
    order = np.lexsort((-np.where(timed, last, -np.inf), ~timed, users))
    first = np.searchsorted(users[order], users[order])
    kept = np.zeros(len(users), bool)
    kept[order] = (np.arange(len(users)) - first < _LAST) & timed[order]
    return kept


def _of_history(history: _History, users: Codes, candidates: Codes, items: ItemArrays, end: int) -> dict[str, Doubles]:
    """users, candidates: of each pair. An item of which the arrays know nothing has no features of its like."""
    found: dict[str, Doubles] = {}
    count = int(max(users.max(initial=-1), history.users.max(initial=-1))) + 1
    for suffix, chosen in (("", history.wanted), ("_last_10", history.lately)):
        whose, what = history.users[chosen], history.items[chosen]
        total = np.bincount(whose, minlength=count).astype(np.float64)
        affinity = _tag_affinity(whose, what, total, users, candidates, items)
        found[f"tag_affinity{suffix}"] = affinity
        found[f"co_visits{suffix}"] = co_visits(
            whose, what, users, candidates, (items.co_visits.indptr, items.co_visits.indices, items.co_visits.data)
        )
        found[f"tag_lift{suffix}"] = affinity - np.asarray(items.tags[candidates] @ items.base)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = _per_group(whose, items.category[what], users, items.category[candidates]) / total[users]
        found[f"category_share{suffix}"] = np.where(items.category[candidates] >= 0, share, np.nan)
        for name, values in (("year_gap", items.year), ("popularity_gap", items.log_users)):
            found[name + suffix] = values[candidates] - _mean(whose, values[what], count)[users]
    whose, what = history.users[history.wanted], history.items[history.wanted]
    found["price_gap"] = items.log_price[candidates] - _mean(whose, items.log_price[what], count)[users]
    found |= _of_consumed(history, users, candidates, items, count, end)
    return found | _of_itself(history, users, candidates, len(items.ids), end)


def _of_consumed(
    history: _History, users: Codes, candidates: Codes, items: ItemArrays, count: int, end: int
) -> dict[str, Doubles]:
    creator, category = items.creator[candidates], items.category[candidates]
    seen, wanted = history.seen, history.wanted
    consumed = np.bincount(history.users[seen], minlength=count)[users]
    of_category = _per_group(history.users[seen], items.category[history.items[seen]], users, category)
    mine = _per_group(history.users[wanted], items.creator[history.items[wanted]], users, creator)
    usual = np.append(items.creator_share, 0.0)[creator] * np.bincount(history.users[wanted], minlength=count)[users]
    taken = _per_group(history.users[seen], items.creator[history.items[seen]], users, creator)
    timed = ~np.isnan(history.last)
    last = _last_per_group(
        history.users[timed], items.creator[history.items[timed]], history.last[timed], users, creator
    )
    unknown = creator < 0
    return {
        "category_consumed": np.where(category >= 0, (of_category + 0.5) / (consumed + 2), np.nan),
        "creator_items": np.where(unknown, np.nan, mine),
        "creator_lift": np.where(unknown, np.nan, np.log((mine + 0.5) / (usual + 0.5))),
        "creator_idle_days": np.where(unknown, np.nan, np.log1p(np.maximum(end - last, 0) / _DAY)),
        "creator_consumed": np.where(unknown, np.nan, taken),
    }


def _of_itself(history: _History, users: Codes, candidates: Codes, items: int, end: int) -> dict[str, Doubles]:
    """What the user had to do with the candidate; nothing where there is no such pair."""
    keys = history.users * items + history.items
    order = np.argsort(keys, kind="stable")
    asked = users * items + candidates
    place = np.searchsorted(keys[order], asked)
    inside = np.minimum(place, max(0, len(keys) - 1))
    there = (keys[order][inside] == asked) & (candidates >= 0) if len(keys) else np.zeros(len(asked), bool)
    row = order[inside] if len(keys) else np.zeros(len(asked), np.int64)

    def of(values: NDArray, nothing: float) -> Doubles:
        found = np.full(len(asked), nothing)
        found[there] = values[row[there]]
        return found

    return {
        "pair_events": np.log1p(of(history.events, 0.0)),
        "pair_refused": np.log1p(of(history.refused, 0.0)),
        "pair_cart": of(history.cart, 0.0),
        "pair_idle_days": np.log1p(np.maximum(end - of(history.last, np.nan), 0) / _DAY),
    }


def _tag_affinity(
    whose: Codes, what: Codes, total: Doubles, users: Codes, candidates: Codes, items: ItemArrays
) -> Doubles:
    """Mean product of the candidate's row of tags with those of the user's items; NaN for a user without any."""
    ones = csr_array((np.ones(len(whose)), (whose, what)), shape=(len(total), items.tags.shape[0]))
    profiles = (ones @ items.tags).toarray()
    mine = items.tags[candidates].tocoo()
    products = np.bincount(mine.row, mine.data * profiles[users[mine.row], mine.col], minlength=len(users))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(products / np.where(total[users] > 0, total[users], np.nan))


def _per_group(whose: Codes, groups: Codes, users: Codes, wanted: Codes) -> Doubles:
    """How many of the user's rows are of the wanted group; groups below 0 are none."""
    width = int(max(groups.max(initial=-1), wanted.max(initial=-1))) + 2
    keys, counts = np.unique((whose * width + groups)[groups >= 0], return_counts=True)
    asked = users * width + wanted
    inside = np.minimum(np.searchsorted(keys, asked), max(0, len(keys) - 1))
    if not len(keys):
        return np.zeros(len(asked))
    return np.where((keys[inside] == asked) & (wanted >= 0), counts[inside], 0).astype(np.float64)


def _last_per_group(whose: Codes, groups: Codes, last: Doubles, users: Codes, wanted: Codes) -> Doubles:
    """The latest time of the user's rows of the wanted group; NaN without any."""
    width = int(max(groups.max(initial=-1), wanted.max(initial=-1))) + 2
    chosen = groups >= 0
    keys, inverse = np.unique((whose * width + groups)[chosen], return_inverse=True)
    if not len(keys):
        return np.full(len(users), np.nan)
    latest = np.full(len(keys), -np.inf)
    np.maximum.at(latest, inverse, last[chosen])
    asked = users * width + wanted
    inside = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where((keys[inside] == asked) & (wanted >= 0), latest[inside], np.nan)


def _mean(whose: Codes, values: Doubles, count: int) -> Doubles:
    """The mean of each user's values that are known; NaN without any."""
    known = ~np.isnan(values)
    totals = np.bincount(whose[known], values[known], minlength=count)
    counts = np.bincount(whose[known], minlength=count)
    return np.divide(totals, counts, out=np.full(count, np.nan), where=counts > 0)
