"""What an encoder must know of the training rows: fillers, bounds, means, bins, levels. Two queries, whatever the columns."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.learning.encoder import CategoryCode, Encoder, Form, NumberCode
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.row_columns import LABEL, quoted
from repertoire.settings import EncodingSettings

_ACCURACY = 10_000  # of quantiles: ranks are right to a ten-thousandth of the rows
_PRIOR_ROWS = 10
"""Rows with the overall share that are added to each level, so that rare ones do not come to the ends of the order by chance."""


def fit_encoder(
    rows: DataFrame,
    columns: Sequence[FeatureColumn],
    *,
    form: Form,
    settings: EncodingSettings,
    positive: int,
    bins: int = 10,
) -> Encoder:
    """The encoder for `columns` of training rows.

    rows: the columns, double or string, and `__label` (int). positive: the class by whose share levels are ordered. bins: of
    numbers, for `Form.BINNED`. A column of numbers without any value is filled with 0.
    """
    numbers = [column.name for column in columns if column.kind == "number"]
    categories = [column.name for column in columns if column.kind == "category"]
    of_numbers = _fit_numbers(rows, numbers, form, settings, bins) if numbers else {}
    of_categories = _fit_categories(rows, categories, settings, positive) if categories else {}
    found: dict[str, NumberCode | CategoryCode] = {**of_numbers, **of_categories}
    return Encoder(form, tuple(found[column.name] for column in columns))


def _fit_numbers(
    rows: DataFrame, names: Sequence[str], form: Form, settings: EncodingSettings, bins: int
) -> dict[str, NumberCode]:
    clip = settings.clip_quantile
    inner = [step / bins for step in range(1, bins)] if form is Form.BINNED else []
    shares = [0.5, clip, 1 - clip, *inner]
    wanted = F.array(*map(F.lit, shares))
    parts: list[Column] = []
    for place, name in enumerate(names):
        value = F.col(quoted(name))
        parts += [
            F.count_if(value.isNull()).alias(f"missing{place}"),
            F.percentile_approx(value, wanted, _ACCURACY).alias(f"quantiles{place}"),
            F.min(value).alias(f"least{place}"),
            F.max(value).alias(f"most{place}"),
        ]
    (first,) = rows.agg(*parts).collect()
    bounds = {}
    for place, name in enumerate(names):
        quantiles = first[f"quantiles{place}"] or [0.0] * len(shares)
        least, most = (first[f"least{place}"], first[f"most{place}"]) if first[f"quantiles{place}"] else (0.0, 0.0)
        bounds[name] = (quantiles[1], quantiles[2]) if clip else (least, most)
    seconds: list[Column] = []
    for place, name in enumerate(names):
        column = F.col(quoted(name))
        cut = F.greatest(F.least(column, F.lit(bounds[name][1])), F.lit(bounds[name][0]))
        value = F.when(column.isNotNull(), cut)  # greatest and least pass nulls over
        seconds += [
            F.avg(value).alias(f"mean{place}"),
            F.stddev_pop(value).alias(f"deviation{place}"),
            F.count(value).alias(f"known{place}"),
        ]
    (second,) = rows.agg(*seconds).collect()
    return {
        name: _number(name, place, first, second, bounds[name], settings, inner) for place, name in enumerate(names)
    }


def _number(
    name: str,
    place: int,
    first: Any,
    second: Any,
    bounds: tuple[float, float],
    settings: EncodingSettings,
    inner: Sequence[float],
) -> NumberCode:
    quantiles = first[f"quantiles{place}"] or [0.0] * (3 + len(inner))
    missing, known = first[f"missing{place}"], second[f"known{place}"]
    mean, variance = second[f"mean{place}"] or 0.0, (second[f"deviation{place}"] or 0.0) ** 2
    fill = {"mean": mean, "median": float(quantiles[0]), "zero": 0.0}[settings.imputation]
    share = missing / max(1, missing + known)
    deviation = math.sqrt((1 - share) * variance + share * (1 - share) * (fill - mean) ** 2)
    cuts = sorted({float(cut) for cut in quantiles[3:] if cut < bounds[1]})
    return NumberCode(
        name=name,
        fill=float(fill),
        low=float(bounds[0]),
        high=float(bounds[1]),
        mean=float((1 - share) * mean + share * fill),
        deviation=float(deviation) if deviation > 0 else 1.0,
        missing=bool(missing) and settings.missing_indicator,
        cuts=tuple(cuts),
    )


def _fit_categories(
    rows: DataFrame, names: Sequence[str], settings: EncodingSettings, positive: int
) -> dict[str, CategoryCode]:
    """Frequent values of all columns in one query: each row says all of its values, and they are counted by column."""
    said = F.array(
        *(F.struct(F.lit(place).alias("place"), F.col(quoted(name)).alias("level")) for place, name in enumerate(names))
    )
    counts = (
        rows.select(F.explode(said).alias("said"), (F.col(LABEL) == positive).alias("hit"))
        .groupBy("said.place", "said.level")
        .agg(F.count(F.lit(1)).alias("rows"), F.count_if(F.col("hit")).alias("hits"))
    )
    of_column = Window.partitionBy("place")
    by_frequency = of_column.orderBy(F.col("level").isNull(), F.col("rows").desc(), "level")
    ranked = counts.select(
        "*",
        F.row_number().over(by_frequency).alias("rank"),
        F.sum("rows").over(of_column).alias("all_rows"),
        F.sum("hits").over(of_column).alias("all_hits"),
    )
    told_apart = (F.col("rows") >= settings.min_level_rows) & (F.col("rank") <= settings.max_levels)
    # The first row of each column says the totals, even if its value is too rare.
    found = ranked.where(F.col("level").isNull() | told_apart | (F.col("rank") == 1)).collect()
    by_place: dict[int, list[Any]] = {}
    for row in sorted(found, key=lambda row: (row["place"], row["rank"])):
        by_place.setdefault(row["place"], []).append(row)
    return {name: _category(name, by_place.get(place, []), settings) for place, name in enumerate(names)}


def _category(name: str, rows: Sequence[Mapping[str, Any]], settings: EncodingSettings) -> CategoryCode:
    levels = [row for row in rows if row["level"] is not None and row["rows"] >= settings.min_level_rows]
    missing = [row for row in rows if row["level"] is None]
    all_rows, all_hits = (rows[0]["all_rows"], rows[0]["all_hits"]) if rows else (1, 0)
    share = all_hits / max(1, all_rows)
    told = [(row["rows"], row["hits"]) for row in (*levels, *missing)]
    others = (all_rows - sum(count for count, _ in told), all_hits - sum(hits for _, hits in told))
    rates = [(hits + share * _PRIOR_ROWS) / (count + _PRIOR_ROWS) for count, hits in (others, *told)]
    ranks = {rate: rank for rank, rate in enumerate(sorted(set(rates)))}
    return CategoryCode(
        name, tuple(row["level"] for row in levels), bool(missing), tuple(float(ranks[r]) for r in rates)
    )
