"""What an encoder must know of the training rows: fillers, bounds, means, bins, levels. Three queries, whatever the columns."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from repertoire.learning.encoder import CategoryCode, Encoder, Form, NumberCode
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.row_columns import LABEL, quoted
from repertoire.settings import EncodingSettings

_SAMPLE = 200_000  # rows from which numbers are fitted
_PARTS_PER_MILLION = 1_000_000
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
    of_numbers = _fit_numbers(rows, numbers, settings, bins if form is Form.BINNED else None) if numbers else {}
    of_categories = _fit_categories(rows, categories, settings, positive) if categories else {}
    found: dict[str, NumberCode | CategoryCode] = {**of_numbers, **of_categories}
    return Encoder(form, tuple(found[column.name] for column in columns))


def _fit_numbers(
    rows: DataFrame, names: Sequence[str], settings: EncodingSettings, bins: int | None
) -> dict[str, NumberCode]:
    """From all rows, or of many from a sample by hash, which the driver holds."""
    columns = [F.col(quoted(name)) for name in names]
    chosen = rows.select(*columns)
    share = _SAMPLE / max(1, rows.count())
    if share < 1:
        draw = F.pmod(F.xxhash64(*columns), F.lit(_PARTS_PER_MILLION))
        chosen = chosen.where(draw < int(share * _PARTS_PER_MILLION))
    table = chosen.toArrow()
    return {name: _number(name, _doubles(table.column(place)), settings, bins) for place, name in enumerate(names)}


def _doubles(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column, np.nan).to_numpy(), np.float64)


def _number(name: str, values: NDArray[np.float64], settings: EncodingSettings, bins: int | None) -> NumberCode:
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return NumberCode(name, 0.0, 0.0, 0.0, 0.0, 1.0, bool(len(values)) and settings.missing_indicator, ())
    low, high = (_quantile(known, share) for share in (settings.clip_quantile, 1 - settings.clip_quantile))
    cut = np.clip(known, low, high)
    fills = {"mean": float(cut.mean()), "median": _quantile(known, 0.5), "constant": settings.constant}
    fill = fills[settings.imputation]
    missing = len(values) - len(known)
    mean = (cut.sum() + missing * fill) / len(values)
    deviation = math.sqrt((((cut - mean) ** 2).sum() + missing * (fill - mean) ** 2) / len(values))
    cuts = {_quantile(known, step / bins) for step in range(1, bins)} if bins else set()
    return NumberCode(
        name=name,
        fill=fill,
        low=low,
        high=high,
        mean=float(mean),
        deviation=deviation if deviation > 0 else 1.0,
        missing=bool(missing) and settings.missing_indicator,
        cuts=tuple(sorted(one for one in cuts if one < high)),
    )


def _quantile(ascending: NDArray[np.float64], share: float) -> float:
    """The least value that so great a share of the values does not exceed."""
    return float(ascending[max(0, math.ceil(share * len(ascending)) - 1)])


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
