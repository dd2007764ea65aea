"""Rows of the table `metrics`."""

from typing import Any

from repertoire.pipeline.stage import RunContext


def metric_row(
    context: RunContext,
    stage: str,
    model: str,
    metric: str,
    value: float | None,
    *,
    k: int = 0,
    low: float | None = None,
    high: float | None = None,
    users: int | None = None,
    segment: str | None = None,
    p_value: float | None = None,
) -> dict[str, Any]:
    """One measured figure of a stage; k is 0 where the figure has none."""
    return {
        "run_id": context.run_id,
        "run_date": context.run_date,
        "stage": stage,
        "model": model,
        "metric": metric,
        "k": k,
        "value": value,
        "low": low,
        "high": high,
        "segment": segment,
        "p_value": p_value,
        "users": users,
    }
