"""What the metrics are called, what they mean, and which way is up. docs/metrics.md has their formulas."""

from dataclasses import dataclass

UP, DOWN, NEITHER = "up", "down", "neither"


@dataclass(frozen=True)
class MetricWords:
    """better: whether a higher figure is better (up), a lower one (down), or whether that is for people to decide."""

    name: str
    meaning: str
    better: str = UP


# In the order in which they are shown. First, how well lists foretell what people turn to; then, what lists are like.
HITS = {
    "ndcg": MetricWords(
        "nDCG", "how much of what people turned to is in their list, and how high; 1 is a perfect list"
    ),
    "graded_ndcg": MetricWords("graded nDCG", "the same, where some works were wanted more than others"),
    "recall": MetricWords("recall", "share of what people turned to that is in their list"),
    "precision": MetricWords("precision", "share of the list's places that hold something they turned to"),
    "hit_rate": MetricWords("hit rate", "share of people whose list holds at least one thing they turned to"),
    "map": MetricWords("MAP", "precision, averaged over the places of what they turned to"),
    "mrr": MetricWords("MRR", "one over the place of the first thing they turned to: 0.5 is the second place"),
    "auc": MetricWords("AUC", "how often something they turned to stands above something they did not"),
    "serendipity": MetricWords("serendipity", "share of the places with a hit that popularity would not have had"),
}
TRAITS = {
    "coverage": MetricWords("coverage", "share of the catalogue that stands in somebody's list"),
    "sufficient": MetricWords("full lists", "share of people whose list has no empty place"),
    "miscalibration": MetricWords(
        "miscalibration", "how far the list's tags are from those of the history; 0 is in proportion", DOWN
    ),
    "novelty": MetricWords("novelty", "how few people had the works of the list", NEITHER),
    "popularity": MetricWords("popularity of works", "share of people who had the works of the list", NEITHER),
    "popularity_lift": MetricWords(
        "popularity lift", "how much more popular the list is than the person's own history", NEITHER
    ),
    "diversity": MetricWords("diversity", "how different the works of a list are from each other", NEITHER),
    "gini": MetricWords("Gini index", "0: all works have as many places; near 1: one has them all", NEITHER),
}
METRIC_WORDS = HITS | TRAITS


def metric_name(metric: str, k: int = 0) -> str:
    """nDCG@10 for ndcg and 10."""
    name = METRIC_WORDS[metric].name if metric in METRIC_WORDS else metric.replace("_", " ")
    return f"{name}@{k}" if k else name


def better(metric: str) -> str:
    """Which way is up; neither for a metric that is not known here."""
    return METRIC_WORDS[metric].better if metric in METRIC_WORDS else NEITHER


def place(metric: str) -> tuple[int, str]:
    """Sorts metrics as they are shown; unknown ones come last."""
    known = list(METRIC_WORDS)
    return (known.index(metric) if metric in METRIC_WORDS else len(known), metric)
