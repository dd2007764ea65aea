"""Confidence intervals: how much a figure would move with other users of the same kind."""

import math
from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from repertoire.evaluation.measurement import MODEL, K, Measurement, difference_name
from repertoire.vocabulary import USER_ID

Interval = tuple[float | None, float | None]

_KEYS = (MODEL, USER_ID, K)

# A sum of doubles over users differs beyond these digits with the order in which partitions come in.
_DIGITS = 12


def t_interval(value: float, standard_error: float, freedom: int, confidence: float) -> Interval:
    """value ± t · standard_error, t being Student's quantile with so many degrees of freedom (none: no interval)."""
    if freedom < 1:
        return None, None
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom)) * standard_error
    return value - margin, value + margin


def mean_intervals(metrics: DataFrame, confidence: float = 0.95) -> list[Measurement]:
    """The mean over users of every metric, by model and k, with the interval mean ± t(n-1) · s / √n.

    metrics: model, user_id, k and a double for each metric, one row a model, user and k, as `user_metrics` and
    `with_differences` give them. Gives a row for each model, k and metric; none where there are no users, and no
    interval for a single one.

    Users are taken as independent draws from those of whom the figure speaks. Means over hundreds of users are so near
    to normal that a bootstrap by user gives the same interval for a thousand times the work; below some 30 users, or
    where nearly all values are 0, trust neither. The ends are not cut at 0 and 1.

    One aggregation over the users; only its rows, one a model and k, are collected.
    """
    names = [name for name in metrics.columns if name not in _KEYS]
    means = [F.avg(name).alias(f"mean_{name}") for name in names]
    deviations = [F.stddev_samp(name).alias(f"deviation_{name}") for name in names]
    rows = metrics.groupBy(MODEL, K).agg(F.count(F.lit(1)).alias("users"), *means, *deviations).collect()
    measurements = []
    for row in rows:
        users = row["users"]
        for name in names:
            mean, deviation = row[f"mean_{name}"], row[f"deviation_{name}"] or 0.0
            low, high = t_interval(mean, deviation / math.sqrt(users), users - 1, confidence)
            value, low, high = (None if end is None else round(end, _DIGITS) for end in (mean, low, high))
            measurements.append(Measurement(row[MODEL], name, row[K], value, low, high, users))
    return measurements


def with_differences(metrics: DataFrame, models: Iterable[str], baseline: str) -> DataFrame:
    """The same rows, and for every model but the baseline rows "model - baseline" with each user's difference.

    metrics: as `user_metrics` gives them for these models. The mean of such differences has a narrower interval than
    the two models' own suggest, because both find the same users easy.

    Every row is sent to those that it takes part in, with its sign, and these are summed: no join, and since
    `user_metrics` leaves a user's rows together, no shuffle.
    """
    names = [name for name in metrics.columns if name not in _KEYS]
    others = [name for name in models if name != baseline]
    parts = {name: [(name, 1), (difference_name(name, baseline), 1)] for name in others}
    parts[baseline] = [(baseline, 1), *[(difference_name(name, baseline), -1) for name in others]]
    part = F.lit(None)
    for model, of_model in parts.items():
        structs = [F.struct(F.lit(into).alias("into"), F.lit(sign).alias("sign")) for into, sign in of_model]
        part = F.when(F.col(MODEL) == model, F.array(*structs)).otherwise(part)
    signed = metrics.select(USER_ID, K, *names, F.inline(part)).withColumnRenamed("into", MODEL)
    sums = [F.sum(F.col("sign") * F.col(name)).alias(name) for name in names]
    return signed.groupBy(MODEL, USER_ID, K).agg(*sums)


def jackknife_interval(value: float, replicates: Sequence[float], confidence: float) -> Interval:
    """value ± t(G-1) · √v with v = (G - 1) / G · Σ (replicate - mean of the replicates)².

    replicates: the figure without the first, second, … of G groups of users (Kott 2001, "The Delete-a-Group Jackknife",
    Journal of Official Statistics 17). Deviations are taken from the replicates' mean, not from the full figure: that
    fewer users show fewer items is no uncertainty of the figure. For a mean this is the usual variance; for a count of
    distinct things it errs to the high side (Efron and Stein 1981), here by a factor of 2 to 4, so that the interval is
    1.3 to 2 times as wide as it need be.
    """
    groups = len(replicates)
    if groups < 2:
        return None, None
    mean = math.fsum(replicates) / groups
    variance = (groups - 1) / groups * math.fsum((replicate - mean) ** 2 for replicate in replicates)
    return t_interval(value, math.sqrt(variance), groups - 1, confidence)
