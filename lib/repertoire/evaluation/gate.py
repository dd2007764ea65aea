"""The gate: what must hold before lists go live. It fails closed."""

from collections.abc import Iterable, Mapping
from typing import Any

from repertoire.settings import GateSettings

Row = Mapping[str, Any]


def refusals(
    metrics: Iterable[Row],
    settings: GateSettings,
    *,
    users: int,
    rows: int,
    top_k: int,
    coverage: float,
    live_users: int | None,
) -> list[str]:
    """Why the lists must not go live, a line each; an empty list lets them pass.

    metrics: rows of the table `metrics` from this run's backtest. users, rows: of the new lists; top_k: how long a list
    can be; coverage: share of the eligible catalogue that they show; live_users: users of the lists that are live, or
    None where nothing is.
    """
    found = [
        _evaluation(list(metrics), settings),
        _below("coverage of the catalogue", coverage, settings.min_coverage, "gate.min_coverage"),
        _below(
            "filled places", rows / (users * top_k) if users * top_k else 0.0, settings.min_filled, "gate.min_filled"
        ),
    ]
    if live_users:
        kept = users / live_users
        found.append(_below("users against the live lists", kept, 1 - settings.max_fewer_users, "gate.max_fewer_users"))
    return [reason for reason in found if reason]


def _evaluation(metrics: list[Row], settings: GateSettings) -> str | None:
    name = f"{settings.metric}@{settings.k}"
    values = {
        row["model"]: row["value"] for row in metrics if row["metric"] == settings.metric and row["k"] == settings.k
    }
    ours, popular = values.get("recommendations"), values.get("popular")
    if ours is None or popular is None:
        if not settings.require_evaluation:
            return None
        return (
            f"{name} was not measured, and gate.require_evaluation is true. A backtest needs events after its cutoff: "
            "see evaluation.holdout_days; for a first publication without one, --set gate.require_evaluation=false"
        )
    least = popular * (1 - settings.max_loss_to_popular)
    if ours < least:
        return (
            f"{name} is {ours:.4f}, popularity's {popular:.4f}: below the least allowed, {least:.4f} "
            f"(gate.max_loss_to_popular is {settings.max_loss_to_popular:g})"
        )
    return None


def _below(what: str, value: float, least: float, setting: str) -> str | None:
    return f"{what}: {value:.4f}, least allowed {least:.4f} ({setting})" if value < least else None
