"""What the metrics are called: every one that is measured has its words."""

from pathlib import Path

from repertoire.report.metric_words import METRIC_WORDS, better, metric_name, place


def test_names() -> None:
    assert (metric_name("ndcg", 10), metric_name("hit_rate"), metric_name("new_thing", 5)) == (
        "nDCG@10",
        "hit rate",
        "new thing@5",
    )


def test_the_side_that_is_better() -> None:
    assert [better(name) for name in ("recall", "miscalibration", "novelty", "new_thing")] == [
        "up",
        "down",
        "neither",
        "neither",
    ]


def test_metrics_come_in_one_order_and_unknown_ones_last() -> None:
    assert sorted(["b", "coverage", "recall", "a", "ndcg"], key=place) == ["ndcg", "recall", "coverage", "a", "b"]


def test_every_metric_of_the_documentation_has_its_words() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| metric | what it is | needs |") + 2
    rows = lines[start : lines.index("", start)]
    assert {row.split("|")[1].strip() for row in rows} == set(METRIC_WORDS)
