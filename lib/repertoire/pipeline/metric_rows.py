"""Rows of the table `metrics`."""

from collections.abc import Iterable
from typing import Any

from repertoire.evaluation.measurement import Measurement
from repertoire.pipeline.stage import RunContext


def metric_rows(context: RunContext, stage: str, measurements: Iterable[Measurement]) -> list[dict[str, Any]]:
    """The measured figures of a stage; k is 0 where a figure has none."""
    return [
        {
            "run_id": context.run_id,
            "run_date": context.run_date,
            "stage": stage,
            "model": one.model,
            "metric": one.metric,
            "k": one.k,
            "segment": one.segment,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "p_value": one.p_value,
            "users": one.users,
        }
        for one in measurements
    ]


def say_headline(context: RunContext, k: list[int], measurements: Iterable[Measurement]) -> None:
    """Tells the user nDCG in the middle of the lengths, a line a model."""
    for one in measurements:
        if one.metric == "ndcg" and one.k == k[len(k) // 2] and one.segment is None and one.value is not None:
            interval = "" if one.low is None else f" [{one.low:.4f}, {one.high:.4f}]"
            chance = "" if one.p_value is None else f", p {one.p_value:.2g}"
            context.say(f"ndcg@{one.k} of {one.model}: {one.value:.4f}{interval}{chance}")
