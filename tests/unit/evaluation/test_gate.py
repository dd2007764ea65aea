"""The gate: what it lets pass, and that it fails closed."""

import pytest

from repertoire.evaluation.gate import refusals
from repertoire.settings import GateSettings


def metrics(ours: float | None, popular: float | None) -> list[dict[str, object]]:
    return [
        {"model": "recommendations", "metric": "ndcg", "k": 10, "value": ours},
        {"model": "popular", "metric": "ndcg", "k": 10, "value": popular},
        {"model": "recommendations", "metric": "ndcg", "k": 5, "value": 0.0},
        {"model": "recommendations", "metric": "recall", "k": 10, "value": 0.0},
    ]


def refused(measured: list[dict[str, object]], settings: GateSettings | None = None, **counts: object) -> list[str]:
    given = {"users": 100, "rows": 2000, "top_k": 20, "coverage": 0.5, "live_users": 100, **counts}
    return refusals(measured, settings or GateSettings(), **given)  # type: ignore[arg-type]


def test_better_than_popularity_passes() -> None:
    assert refused(metrics(0.2, 0.1)) == []


def test_as_good_as_popularity_passes() -> None:
    assert refused(metrics(0.1, 0.1)) == []


def test_worse_than_popularity_is_refused_beyond_the_margin_only() -> None:
    assert refused(metrics(0.09, 0.1)) == [
        "ndcg@10 is 0.0900, popularity's 0.1000: below the least allowed, 0.1000 (gate.max_loss_to_popular is 0)"
    ]
    assert refused(metrics(0.09, 0.1), GateSettings(max_loss_to_popular=0.2)) == []


@pytest.mark.parametrize("rows", [[], metrics(None, 0.1), metrics(0.1, None)])
def test_what_was_not_measured_does_not_pass(rows: list[dict[str, object]]) -> None:
    (reason,) = refused(rows)
    assert "ndcg@10 was not measured" in reason
    assert refused(rows, GateSettings(require_evaluation=False)) == []


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"coverage": 0.001}, "coverage of the catalogue: 0.0010, least allowed 0.0100 (gate.min_coverage)"),
        ({"rows": 1000}, "filled places: 0.5000, least allowed 0.9500 (gate.min_filled)"),
        ({"users": 0, "rows": 0}, "filled places: 0.0000, least allowed 0.9500 (gate.min_filled)"),
        ({"live_users": 200}, "users against the live lists: 0.5000, least allowed 0.8000 (gate.max_fewer_users)"),
    ],
)
def test_counts_out_of_bounds_are_refused(counts: dict[str, object], reason: str) -> None:
    assert reason in refused(metrics(0.2, 0.1), **counts)


def test_a_first_publication_has_no_live_lists_to_be_compared_with() -> None:
    assert refused(metrics(0.2, 0.1), live_users=None) == []


def test_all_reasons_are_given_at_once() -> None:
    assert len(refused(metrics(0.0, 0.1), coverage=0.0, rows=10)) == 3
