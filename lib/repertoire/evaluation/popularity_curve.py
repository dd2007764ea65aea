"""How unevenly something is spread over the items: what share of it the most popular few percent take."""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.vocabulary import ITEM_ID

_KIND, _COUNT, _ITEMS = "kind", "count", "items"

ItemsByCount = Mapping[int, int]


def items_by_count(items: DataFrame, counted: Mapping[str, DataFrame]) -> dict[str, dict[int, int]]:
    """For each name: how often an item is counted → how many of `items` are counted so often, zeros included.

    items: item_id, each once. counted: name → item_id and count, an item any number of times; what stands for an item
    that is not in `items` does not count. One query; it collects a row for each distinct count.
    """
    zero = [F.lit(0).cast("long").alias(name) for name in counted]
    rows = items.select(ITEM_ID, F.lit(True).alias("listed"), *zero)
    for name, frame in counted.items():
        columns = [
            F.col(_COUNT).cast("long").alias(other) if other == name else zero[n] for n, other in enumerate(counted)
        ]
        rows = rows.unionByName(frame.select(ITEM_ID, F.lit(False).alias("listed"), *columns))
    totals = [F.sum(name).alias(name) for name in counted]
    by_item = rows.groupBy(ITEM_ID).agg(F.max("listed").alias("listed"), *totals).where("listed")
    one = [F.struct(F.lit(name).alias(_KIND), F.col(name).alias(_COUNT)) for name in counted]
    by_count = by_item.select(F.inline(F.array(*one))).groupBy(_KIND, _COUNT).agg(F.count("*").alias(_ITEMS))
    found: dict[str, dict[int, int]] = {name: {} for name in counted}
    for row in by_count.collect():
        found[row[_KIND]][row[_COUNT]] = row[_ITEMS]
    return found


def shares_of_top(by_count: ItemsByCount, percents: Iterable[int]) -> dict[int, float | None]:
    """For each percent: the share of everything counted that the most popular so many percent of the items take.

    A part of an item counts as that part: the top 1 % of 60 items have 0.6 of what the first one has. None where
    nothing was counted.
    """
    total = sum(count * items for count, items in by_count.items())
    number = sum(by_count.values())
    falling = sorted(by_count.items(), reverse=True)

    def share(percent: int) -> float | None:
        if not total:
            return None
        left, taken = number * percent / 100, 0.0
        for count, items in falling:
            part = min(left, items)
            taken += part * count
            left -= part
        return min(1.0, taken / total)

    return {percent: share(percent) for percent in percents}
