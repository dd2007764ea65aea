"""All figures for one or several models' lists on one truth, as few rows and in few Spark jobs."""

from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.evaluation.background import NOTHING_KNOWN, Background
from repertoire.evaluation.coverage import COVERAGE, coverage
from repertoire.evaluation.exposure import GINI, gini
from repertoire.evaluation.intervals import corrected, mean_intervals, with_differences
from repertoire.evaluation.list_metrics import LIST_METRICS, POPULARITY_METRICS, list_metrics
from repertoire.evaluation.measurement import SEGMENT, Measurement, difference_name
from repertoire.evaluation.ranking_metrics import AUC, GAIN, GRADED_METRICS, METRICS, SERENDIPITY, user_metrics
from repertoire.evaluation.taste_metrics import CALIBRATION, DIVERSITY, taste_metrics
from repertoire.vocabulary import USER_ID


def measure(
    lists: Mapping[str, DataFrame],
    truth: DataFrame,
    k: Iterable[int],
    background: Background = NOTHING_KNOWN,
    *,
    baselines: Sequence[str] = (),
    confidence: float = 0.95,
    seed: int = 42,
) -> list[Measurement]:
    """Every metric of every model at every k, and the paired differences from the baselines.

    lists: a model's name → user_id, item_id, rank. truth: user_id, item_id and perhaps gain, as `user_metrics` wants
    them. baselines: some of the names; each other model has rows under "name - baseline", too, with the p-value of a
    paired test, corrected for the number of differences that this call gives (two baselines are compared once).

    Gives, for each model and then each difference, for each k, `METRICS`, `GRADED_METRICS` if the truth has gains, and
    the metrics that the background allows, in this order; then the same for each segment, but for coverage and gini,
    where it has users. Without a user in the truth every value of a metric that needs one is None, with 0 users.

    A query for each family of metrics; each reads the lists, so whoever gives lists that are costly to compute
    materialises them first. Collects a bounded number of rows a model, k and segment. Raises ValueError for a baseline
    that is not among the names, and for a k below 1.
    """
    lengths = sorted(set(k))
    if unknown := [name for name in baselines if name not in lists]:
        raise ValueError(f'the baseline "{unknown[0]}" is not among the models: {", ".join(lists)}')
    pairs = _pairs(list(lists), baselines)
    families = [user_metrics(lists, truth, lengths, background), list_metrics(lists, lengths, background.history)]
    if background.tags is not None:
        families.append(taste_metrics(lists, lengths, background.tags, background.history))
    measured: list[Measurement] = []
    for family in families:
        users = _with_segments(with_differences(family, lists, pairs), background.segments)
        measured += mean_intervals(users, pairs, confidence=confidence, seed=seed)
    if background.catalogue_size is not None:
        measured += coverage(lists, background.catalogue_size, lengths, pairs=pairs, confidence=confidence)
        measured += gini(lists, background.catalogue_size, lengths, pairs=pairs)
    by_key = {(one.model, one.k, one.metric, one.segment): one for one in corrected(measured)}
    models = [*lists, *[difference_name(left, right) for left, right in pairs]]
    metrics = _metrics(background, graded=GAIN in truth.columns)
    segments = sorted({one.segment for one in measured if one.segment is not None})
    found = [
        by_key.get((model, length, metric, None), Measurement(model, metric, length, None, None, None, 0))
        for model in models
        for length in lengths
        for metric in metrics
    ]
    keys = (
        (model, length, metric, one) for one in segments for model in models for length in lengths for metric in metrics
    )
    return found + [by_key[key] for key in keys if key in by_key]


def _metrics(background: Background, *, graded: bool) -> list[str]:
    """The metrics that can be given, in the order in which they are."""
    there = {
        METRICS: True,
        GRADED_METRICS: graded,
        AUC: background.catalogue_size is not None,
        SERENDIPITY: background.history is not None,
        LIST_METRICS: True,
        POPULARITY_METRICS: background.history is not None,
        DIVERSITY: background.tags is not None,
        CALIBRATION: background.tags is not None and background.history is not None,
        (COVERAGE, GINI): background.catalogue_size is not None,
    }
    return [name for names, given in there.items() if given for name in names]


def _pairs(models: Sequence[str], baselines: Sequence[str]) -> list[tuple[str, str]]:
    """Every model against every baseline; two baselines against each other once."""
    pairs: list[tuple[str, str]] = []
    for baseline in baselines:
        pairs += [(name, baseline) for name in models if name != baseline and (baseline, name) not in pairs]
    return pairs


def _with_segments(users: DataFrame, segments: DataFrame | None) -> DataFrame:
    """The same rows with segment null, and again for each of a user's segments."""
    if segments is None:
        return users
    of_user = segments.groupBy(USER_ID).agg(F.collect_set(SEGMENT).alias("__segments"))
    none = F.array(F.lit(None).cast("string"))
    all_of_them = F.concat(none, F.coalesce("__segments", F.array().cast("array<string>")))
    return users.join(of_user, USER_ID, "left").withColumn(SEGMENT, F.explode(all_of_them)).drop("__segments")
