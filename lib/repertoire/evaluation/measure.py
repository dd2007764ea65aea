"""All figures for one or several models' lists on one truth, as few rows and in few Spark jobs."""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame

from repertoire.evaluation.coverage import COVERAGE, coverage
from repertoire.evaluation.intervals import mean_intervals, with_differences
from repertoire.evaluation.measurement import Measurement, difference_name
from repertoire.evaluation.ranking_metrics import GAIN, GRADED_METRICS, METRICS, user_metrics


def measure(
    lists: Mapping[str, DataFrame],
    truth: DataFrame,
    catalogue_size: int | None,
    k: Iterable[int],
    *,
    baseline: str | None = None,
    confidence: float = 0.95,
) -> list[Measurement]:
    """Every metric of every model at every k, and with a baseline the paired differences from it.

    lists: a model's name → user_id, item_id, rank. truth: user_id, item_id and perhaps gain, as `user_metrics` wants
    them. catalogue_size: for the coverage, which is left out if None. baseline: one of the names; each other model has
    rows under "name - baseline", too, whose interval tells whether the difference may be chance.

    Gives, for each model and then each difference, for each k, `METRICS`, `GRADED_METRICS` if the truth has gains, and
    coverage, in this order. Without a user in the truth every value but the coverage's is None, with 0 users.

    Two queries, one for the means and one for the coverage; each reads the lists, so whoever gives lists that are
    costly to compute caches them first. Collects some rows a model and k. Raises ValueError for a baseline that is not
    among the names, a k below 1 or a catalogue_size below 1.
    """
    lengths = sorted(set(k))
    if baseline is not None and baseline not in lists:
        raise ValueError(f'the baseline "{baseline}" is not among the models: {", ".join(lists)}')
    of_users = user_metrics(lists, truth, lengths)
    models = list(lists)
    if baseline is not None:
        of_users = with_differences(of_users, lists, baseline)
        models += [difference_name(name, baseline) for name in lists if name != baseline]
    measured = mean_intervals(of_users, confidence)
    metrics = [*METRICS, *(GRADED_METRICS if GAIN in truth.columns else ())]
    if catalogue_size is not None:
        measured += coverage(lists, catalogue_size, lengths, baseline=baseline, confidence=confidence)
        metrics.append(COVERAGE)

    by_key = {(one.model, one.k, one.metric): one for one in measured}
    return [
        by_key.get((name, length, metric), Measurement(name, metric, length, None, None, None, 0))
        for name in models
        for length in lengths
        for metric in metrics
    ]
