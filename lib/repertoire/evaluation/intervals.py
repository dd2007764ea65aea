"""Confidence intervals and paired tests: how much a figure would move with other users of the same kind."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from repertoire.evaluation.measurement import MODEL, SEGMENT, K, Measurement, difference_name
from repertoire.vocabulary import USER_ID

Interval = tuple[float | None, float | None]
Pairs = Sequence[tuple[str, str]]

_KEYS = (MODEL, USER_ID, K, SEGMENT)
_GROUP, _USERS = "group", "users"

GROUPS = 1024
"""Users are resampled in so many groups, into which they fall by hash: the standard error is then known to
√(1 / (2 · GROUPS)), 2 %, and what reaches the driver does not grow with the users."""

REPLICATES = 1000

# A sum of doubles over users differs beyond these digits with the order in which partitions come in.
_DIGITS = 12
_DIGITS_OF_P = 9


def t_interval(value: float, standard_error: float, freedom: int, confidence: float) -> Interval:
    """value ± t · standard_error, t being Student's quantile with so many degrees of freedom (none: no interval)."""
    if freedom < 1:
        return None, None
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom)) * standard_error
    return value - margin, value + margin


def mean_intervals(
    metrics: DataFrame, pairs: Pairs = (), *, confidence: float = 0.95, seed: int = 42
) -> list[Measurement]:
    """The mean over users of every metric, by model, k and segment, with a bootstrap interval.

    metrics: model, user_id, k, perhaps segment, and a double for each metric, one row a model, user, k and segment; a
    user whose metric is null does not count for it. pairs: the differences (left, right) among the models, as
    `with_differences` adds them; they get the p-value of the paired t-test: how often a mean difference at least as
    large would come about if there were none.

    Users are resampled with replacement, `REPLICATES` times, in `GROUPS` groups by hash (the bootstrap by buckets of
    Chamandy, Muralidharan, Najmi and Naidu 2012, "Estimating uncertainty for massive data streams"). The interval goes
    between percentiles of the replicates' means, widened as Hesterberg (2015, "What teachers should know about the
    bootstrap", the expanded percentile interval) does for the narrowness of small samples. The same users and seed
    give the same interval, on whatever partitions. Below some 30 users trust none; a single one has none.

    Gives a row for each model, k, segment and metric; none where there are no users. One aggregation over the users; a
    row for each model, k, segment and group is collected.
    """
    names = [name for name in metrics.columns if name not in _KEYS]
    segment = F.col(SEGMENT) if SEGMENT in metrics.columns else F.lit(None).cast("string")
    group = F.pmod(F.xxhash64(F.lit("bootstrap"), USER_ID), F.lit(GROUPS)).cast("int")
    sums = []
    for name in names:
        sums += [F.count(name).alias(f"n {name}"), F.sum(name).alias(f"sum {name}")]
        sums.append(F.sum(F.col(name) * F.col(name)).alias(f"square {name}"))
    grouped = metrics.groupBy(MODEL, K, segment.alias(SEGMENT), group.alias(_GROUP)).agg(*sums).toArrow()
    keys = list(zip(*[grouped.column(name).to_pylist() for name in (MODEL, K, SEGMENT)], strict=True))
    groups = grouped.column(_GROUP).to_numpy()
    columns = {name: np.nan_to_num(grouped.column(name).to_numpy()) for name in grouped.column_names[4:]}
    weights = np.random.default_rng(seed).multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), REPLICATES).astype(float)
    differences = {difference_name(left, right) for left, right in pairs}
    rows_of: dict[tuple[str, int, str | None], list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    measurements = []
    for (model, k, of_segment), rows in rows_of.items():
        resampled = weights[:, groups[rows]]
        for name in names:
            counts, totals, squares = (columns[f"{what} {name}"][rows] for what in ("n", "sum", "square"))
            users = int(counts.sum())
            if not users:
                continue
            mean = float(totals.sum() / users)
            low, high = _bootstrap(mean, resampled @ counts, resampled @ totals, users, confidence)
            p_value = _paired_t(mean, float(squares.sum()), users) if model in differences else None
            value, low, high = (None if one is None else round(one, _DIGITS) for one in (mean, low, high))
            measurements.append(Measurement(model, name, k, value, low, high, users, of_segment, p_value))
    return measurements


def _bootstrap(mean: float, counts: np.ndarray, totals: np.ndarray, users: int, confidence: float) -> Interval:
    """counts, totals: of users and of their values, in each replicate."""
    if users < 2:
        return None, None
    means = totals[counts > 0] / counts[counts > 0]
    # Hesterberg: the percentile that belongs to √(n / (n - 1)) times Student's quantile in place of the normal's.
    wider = math.sqrt(users / (users - 1)) * stats.t.ppf((1 + confidence) / 2, users - 1)
    tail = float(stats.norm.cdf(-wider))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _paired_t(mean: float, sum_of_squares: float, users: int) -> float | None:
    """Two-sided p-value of Student's paired test; None for a single user."""
    if users < 2:
        return None
    variance = (sum_of_squares - users * mean * mean) / (users - 1)
    if variance <= 1e-15 * max(sum_of_squares / users, 1e-300):  # the difference is the same for everybody
        return 1.0 if mean == 0 else 0.0
    return round(float(2 * stats.t.sf(abs(mean) / math.sqrt(variance / users), users - 1)), _DIGITS_OF_P)


def with_differences(metrics: DataFrame, models: Iterable[str], pairs: Pairs) -> DataFrame:
    """The same rows, and for each of the pairs (left, right) rows "left - right" with each user's difference; null where
    either is.

    metrics: model, user_id, k and metrics, as `user_metrics` gives them for these models. The mean of such differences
    has a narrower interval than the two models' own suggest, because both find the same users easy.

    Every row is sent to those that it takes part in, with its sign, and these are summed: no join, and since
    `user_metrics` leaves a user's rows together, no shuffle.
    """
    if not pairs:
        return metrics
    names = [name for name in metrics.columns if name not in _KEYS]
    parts = {model: [(model, 1)] for model in models}
    for left, right in pairs:
        parts[left].append((difference_name(left, right), 1))
        parts[right].append((difference_name(left, right), -1))
    part = F.lit(None)
    for model, of_model in parts.items():
        structs = [F.struct(F.lit(into).alias("into"), F.lit(sign).alias("sign")) for into, sign in of_model]
        part = F.when(F.col(MODEL) == model, F.array(*structs)).otherwise(part)
    signed = metrics.select(USER_ID, K, *names, F.inline(part)).withColumnRenamed("into", MODEL)
    is_difference = F.col(MODEL).isin([difference_name(left, right) for left, right in pairs])
    whole = F.when(is_difference, F.lit(2)).otherwise(F.lit(1))
    sums = [F.when(F.count(name) == whole, F.sum(F.col("sign") * F.col(name))).alias(name) for name in names]
    return signed.groupBy(MODEL, USER_ID, K).agg(*sums)


def corrected(measurements: Iterable[Measurement]) -> list[Measurement]:
    """The same, with p-values corrected for how many differences were tested (Holm 1979, "A simple sequentially
    rejective multiple test procedure"): the chance that any of them is called real although none is stays below the
    level. It needs no independence."""
    found = list(measurements)
    tested = sorted((one.p_value, place) for place, one in enumerate(found) if one.p_value is not None)
    highest = 0.0
    for rank, (p_value, place) in enumerate(tested):
        highest = max(highest, min(1.0, p_value * (len(tested) - rank)))
        found[place] = replace(found[place], p_value=highest)
    return found


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
