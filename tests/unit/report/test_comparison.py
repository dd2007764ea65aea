"""Models side by side: which figures stand where, and when a difference is one."""

import pytest
from tests.report_values import DAY, metric, report

from repertoire.report.comparison import largest_segments, lengths, lines, models_of, usual_length, verdict


@pytest.mark.parametrize(
    ("low", "high", "p_value", "word"),
    [
        (0.01, 0.03, None, "better"),
        (0.01, 0.03, 0.04, "better"),
        (0.01, 0.03, 0.06, "no clear difference"),
        (-0.01, 0.03, None, "no clear difference"),
        (0.0, 0.03, None, "no clear difference"),
        (-0.03, -0.01, None, "worse"),
        (None, None, None, "no interval"),
    ],
)
def test_a_difference_is_one_where_its_interval_leaves_0_out_and_chance_is_unlikely(
    low: float | None, high: float | None, p_value: float | None, word: str
) -> None:
    assert verdict(metric(DAY, "a - b", "ndcg", 0.02, low=low, high=high, p_value=p_value)) == word
    assert verdict(None) == "no interval"


@pytest.mark.parametrize(
    ("name", "above", "below"),
    [("recall", "better", "worse"), ("miscalibration", "worse", "better"), ("novelty", "higher", "lower")],
)
def test_which_side_is_better_depends_on_the_metric(name: str, above: str, below: str) -> None:
    assert verdict(metric(DAY, "a - b", name, 0.2)) == above
    assert verdict(metric(DAY, "a - b", name, -0.2)) == below


def test_figures_stand_by_metric_k_and_model() -> None:
    given = report(
        1,
        metrics=(
            metric(DAY, "popular", "recall", 0.1, k=5),
            metric(DAY, "recommendations", "recall", 0.2, k=5),
            metric(DAY, "recommendations", "ndcg", 0.3, k=5),
            metric(DAY, "recommendations - popular", "recall", 0.1, k=5),
            metric(DAY, "popular - recommendations", "recall", -0.1, k=5),
            metric(DAY, "recommendations", "novelty", 0.5, k=10),
            metric(DAY, "recommendations", "ndcg", 0.4, k=5, segment="country=FR"),
            metric(DAY, "live", "ndcg", 0.9, stage="evaluate_live"),
        ),
    )
    stage = "evaluate_offline"
    found = lines(given, stage, "recommendations")
    assert [(line.metric, line.k) for line in found] == [("ndcg", 5), ("recall", 5), ("novelty", 10)]
    assert {model: one.value for model, one in found[1].values.items()} == {"popular": 0.1, "recommendations": 0.2}
    assert {other: one.value for other, one in found[1].differences.items()} == {"popular": 0.1}
    assert models_of(given, stage, "recommendations") == ["recommendations", "popular"]
    assert models_of(given, "evaluate_live", "live") == ["live"]
    assert lengths(given, stage) == [5, 10]
    assert usual_length(given, stage) == 10
    assert usual_length(report(1, metrics=()), stage) == 0
    (group,) = lines(given, stage, "recommendations", segments=True)
    assert (group.segment, group.values["recommendations"].value) == ("country=FR", 0.4)


def test_the_groups_with_most_users_are_shown() -> None:
    measured = [metric(DAY, "recommendations", "ndcg", 0.1, segment=f"g{n:02}", users=n) for n in range(50)]
    given = report(1, metrics=(*measured, metric(DAY, "recommendations", "recall", 0.1, segment="g49", users=49)))
    shown, more = largest_segments(lines(given, "evaluate_offline", "recommendations", segments=True), "ndcg", 10)
    assert [line.segment for line in shown] == [f"g{n:02}" for n in range(49, 19, -1)]
    assert more == 20
