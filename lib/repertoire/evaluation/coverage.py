"""The share of the catalogue that somebody is shown, and how much it depends on who happened to be there.

The interval is a delete-a-group jackknife over users. A bootstrap would be wrong here: a sample of users with
replacement holds only 63 % of them, and fewer users show fewer items, so that every replicate lies below the figure and
the percentiles of the replicates may leave it out altogether.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.intervals import jackknife_interval
from repertoire.evaluation.measurement import MODEL, K, Measurement, difference_name
from repertoire.evaluation.model_lists import heads_of_lists
from repertoire.vocabulary import ITEM_ID, RANK, USER_ID

COVERAGE = "coverage"

# Student's t with 29 degrees of freedom is 4 % wider than the normal: more groups would gain little.
_GROUPS = 30

_GROUP, _ITEMS, _USERS = "group", "items", "users"


def coverage(
    lists: Mapping[str, DataFrame],
    catalogue_size: int,
    k: Iterable[int],
    *,
    pairs: Sequence[tuple[str, str]] = (),
    confidence: float = 0.95,
) -> list[Measurement]:
    """Distinct items among the first k of all lists, over catalogue_size, for each model and k.

    lists: a model's name → user_id, item_id, rank (from 1). catalogue_size: how many items could have been shown; the
    lists hold no others. pairs: (left, right), for which the difference is given as well, its interval from what the
    same groups of users do to both.

    Users fall into 30 groups by hash, and a replicate is the coverage without one of them (groups that nobody fell into
    give none). The ends of an interval are cut at 0 and 1, those of a difference at -1 and 1. A model without lists has
    the value 0 and no interval. users counts those who have a list.

    One aggregation by item and one by user, in one query; it collects 31 rows a model and k at most.
    Raises ValueError for a catalogue_size below 1.
    """
    if catalogue_size < 1:
        raise ValueError(f"catalogue_size must be positive, received {catalogue_size}")
    lengths = sorted(set(k))
    shown = {(name, length): _Shown() for name in lists for length in lengths}
    for row in _by_group(lists, lengths).collect():
        shown[row[MODEL], row[K]].add(row[_GROUP], row[_ITEMS], row[_USERS])

    measurements = []
    for (name, length), one in shown.items():
        value = one.items / catalogue_size
        replicates = [one.without(group) / catalogue_size for group in one.groups]
        low, high = _cut(jackknife_interval(value, replicates, confidence), least=0.0)
        measurements.append(Measurement(name, COVERAGE, length, value, low, high, one.users))
    for (left, right), length in itertools.product(pairs, lengths):
        one, other = shown[left, length], shown[right, length]
        value = (one.items - other.items) / catalogue_size
        groups = one.groups | other.groups
        replicates = [(one.without(group) - other.without(group)) / catalogue_size for group in groups]
        low, high = _cut(jackknife_interval(value, replicates, confidence), least=-1.0)
        users = max(one.users, other.users)
        measurements.append(Measurement(difference_name(left, right), COVERAGE, length, value, low, high, users))
    return measurements


@dataclass
class _Shown:
    """What a model shows at one k."""

    items: int = 0
    users: int = 0
    groups: set[int] = field(default_factory=set)  # those that hold a user
    items_of_one_group: dict[int, int] = field(default_factory=dict)  # group → items that no other group is shown

    def add(self, group: int | None, items: int, users: int) -> None:
        self.items += items
        self.users += users
        if group is not None:
            self.items_of_one_group[group] = items
            self.groups |= {group} if users else set()

    def without(self, group: int) -> int:
        """How many items are shown to the users outside the group."""
        return self.items - self.items_of_one_group.get(group, 0)


def _by_group(lists: Mapping[str, DataFrame], lengths: list[int]) -> DataFrame:
    """model, k, group, items, users: users of the group, and items that it alone is shown; group null: by several."""
    group = F.pmod(F.xxhash64(USER_ID), F.lit(_GROUPS)).cast("int")
    heads = heads_of_lists(lists, lengths[-1]).withColumn(_GROUP, group)

    def shown_to(k: int) -> Column:
        at_k = F.when(F.col(RANK) <= k, F.col(_GROUP))
        return F.struct(F.lit(k).alias(K), F.min(at_k).alias("first"), F.max(at_k).alias("last"))

    items = heads.groupBy(MODEL, ITEM_ID).agg(F.array(*map(shown_to, lengths)).alias("shown_to"))
    items = items.select(MODEL, F.inline("shown_to")).where(F.col("first").isNotNull())
    only = F.when(F.col("first") == F.col("last"), F.col("first")).alias(_GROUP)
    items = items.select(MODEL, K, only, F.lit(1).alias(_ITEMS), F.lit(0).alias(_USERS))

    users = heads.groupBy(MODEL, USER_ID, _GROUP).agg(F.min(RANK).alias(RANK))
    reached = F.explode(F.filter(F.array(*map(F.lit, lengths)), lambda k: k >= F.col(RANK))).alias(K)
    users = users.select(MODEL, reached, _GROUP, F.lit(0).alias(_ITEMS), F.lit(1).alias(_USERS))
    both = items.unionByName(users).groupBy(MODEL, K, _GROUP)
    return both.agg(F.sum(_ITEMS).alias(_ITEMS), F.sum(_USERS).alias(_USERS))


def _cut(interval: tuple[float | None, float | None], least: float) -> tuple[float | None, float | None]:
    low, high = interval
    return (None, None) if low is None or high is None else (max(low, least), min(high, 1.0))
