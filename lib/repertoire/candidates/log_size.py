"""How large a log is, and about how long a model takes on it: what the order of trials follows from."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire import vocabulary as v
from repertoire.candidates.ials_cost import IalsSize
from repertoire.candidates.training_pairs import wanted_column
from repertoire.settings import CandidateSettings

# Core seconds, measured on the public sets of docs/models.md; right within a factor of three or so.
_PAIR = 1e-6  # read, coded, sorted
_PRODUCT = 1e-9  # of two numbers of the pair matrix, counted into a row
_INVERSE = 5e-11  # for a cube of the number of items
_SWEEP = 1e-9  # for a pair of candidates of an item
_MLLIB = 10  # MLlib's ALS, in times of ours


@dataclass(frozen=True)
class LogSize:
    """of_users, of_items: the sums of the squares of their numbers of pairs: what products of the pair matrix take.
    timed: whether any pair has a time."""

    pairs: int
    users: int
    items: int
    of_users: int
    of_items: int
    timed: bool


def log_size(interactions: DataFrame) -> LogSize:
    """Of the pairs that were wanted. Two aggregations."""
    wanted = interactions.where(wanted_column())
    squares = F.coalesce(F.sum(F.col("n") * F.col("n")), F.lit(0))
    columns = [F.count("n").alias("ids"), squares.alias("squares"), F.coalesce(F.sum("n"), F.lit(0)).alias("pairs")]
    by_user = wanted.groupBy(v.USER_ID).agg(F.count(F.lit(1)).alias("n"), F.count(v.LAST_TS).alias("timed"))
    by_item = wanted.groupBy(v.ITEM_ID).agg(F.count(F.lit(1)).alias("n"))
    [users] = by_user.agg(*columns, (F.sum("timed") > 0).alias("timed")).collect()
    [items] = by_item.agg(*columns).collect()
    return LogSize(users["pairs"], users["ids"], items["ids"], users["squares"], items["squares"], bool(users["timed"]))


def core_seconds(name: str, size: LogSize, settings: CandidateSettings) -> float:
    """About how long one core takes to fit the model and to make everybody's lists by it; models that are not known to it
    are taken to cost twice what ials does."""
    pairs = _PAIR * size.pairs
    neighbours = pairs + _PRODUCT * size.of_users
    if name in (v.POPULAR, v.TRENDING, v.POPULAR_IN_SEGMENT):
        return pairs
    if name in (v.ITEM_KNN, v.RP3BETA, v.SEQUENTIAL):
        return neighbours
    if name == v.EASE:
        return neighbours + _INVERSE * size.items**3
    if name == v.SLIM:
        slim = settings.slim
        return neighbours + _SWEEP * size.items * min(slim.candidates, size.items) ** 2 * slim.sweeps
    if name == v.GRAPH_FILTER:
        graph = settings.graph_filter
        return neighbours + 2 * _PRODUCT * size.pairs * graph.factors_for(size.items) * graph.rounds
    if name == v.USER_KNN:
        return pairs + _PRODUCT * size.of_items
    ials = settings.ials
    seconds = IalsSize(size.pairs, size.items, ials.rank, 1, 1, 1).seconds(ials.iterations, ials.cg_steps)
    return seconds * {v.IALS: 1, v.ALS: _MLLIB}.get(name, 2)
