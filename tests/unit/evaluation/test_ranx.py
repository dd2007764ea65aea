"""The same figures as ranx gives (Bassani 2022, an independent library), user by user, on random data.

Ties, short lists, lists without a hit and users without a list are all among them.
"""

import numpy as np
import pytest
from pyspark.sql import SparkSession
from ranx import Qrels, Run
from ranx import evaluate as ranx_evaluate

from repertoire.evaluation.ranking_metrics import user_metrics

NAMES = {
    "recall": "recall",
    "precision": "precision",
    "hit_rate": "hit_rate",
    "mrr": "mrr",
    "ndcg": "ndcg",
    "graded_ndcg": "ndcg",
}


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")
def test_every_metric_of_every_user(spark: SparkSession) -> None:
    rng = np.random.default_rng(12)
    gains: dict[str, dict[str, int]] = {}
    lists: dict[str, list[str]] = {}
    for user in range(60):
        gains[f"u{user:02}"] = {
            f"i{item}": int(rng.integers(1, 5)) for item in rng.choice(40, rng.integers(1, 12), replace=False)
        }
        lists[f"u{user:02}"] = [f"i{item}" for item in rng.choice(40, rng.integers(0, 15), replace=False)]
    places = [(user, item, rank) for user, items in lists.items() for rank, item in enumerate(items, 1)]
    truth = [(user, item, float(gain)) for user, of in gains.items() for item, gain in of.items()]
    k = [1, 5, 10]
    found = user_metrics(
        {"m": spark.createDataFrame(places, "user_id string, item_id string, rank int")},
        spark.createDataFrame(truth, "user_id string, item_id string, gain double"),
        k,
    ).collect()
    ours = {(row["user_id"], row["k"]): row for row in found}
    assert len(ours) == 180
    # ranx orders by score, and knows no empty list: an item that nobody likes stands for it.
    run = Run(
        {user: {item: -float(n) for n, item in enumerate(items)} or {"none": 0.0} for user, items in lists.items()}
    )
    binary = Qrels({user: dict.fromkeys(of, 1) for user, of in gains.items()})
    for metric, name in NAMES.items():
        qrels = Qrels(gains) if metric == "graded_ndcg" else binary
        for length in k:
            ranx_evaluate(qrels, run, f"{name}@{length}", make_comparable=True)
            theirs = run.scores[f"{name}@{length}"]
            for user in gains:
                assert ours[user, length][metric] == pytest.approx(theirs[user], abs=1e-12), (metric, length, user)
