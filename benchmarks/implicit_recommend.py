"""`repertoire recommend` as far as a judge of it needs, answered by `implicit`: for figures of a peer on the same split.

    REPERTOIRE=".venv/bin/python benchmarks/implicit_recommend.py" JUDGE recommend ml-100k --model implicit-als

Models: implicit-als, implicit-bpr, implicit-lmf, implicit-cosine, implicit-tfidf, implicit-bm25, each with implicit's defaults.
A pair counts 1, whatever its events say. Lists that are short are filled up by popularity. Parquet in, Parquet out.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.sparse import csr_matrix

MODELS: dict[str, Any] = {
    "implicit-als": lambda: AlternatingLeastSquares(random_state=1, num_threads=2),
    "implicit-bpr": lambda: BayesianPersonalizedRanking(random_state=1, num_threads=2),
    "implicit-lmf": lambda: LogisticMatrixFactorization(random_state=1, num_threads=2),
    "implicit-cosine": lambda: CosineRecommender(num_threads=2),
    "implicit-tfidf": lambda: TFIDFRecommender(num_threads=2),
    "implicit-bm25": lambda: BM25Recommender(num_threads=2),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["recommend"])
    parser.add_argument("events", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--top-k", type=int, default=20)
    given = parser.parse_args()
    events = pd.read_parquet(given.events, columns=["user_id", "item_id"]).drop_duplicates()
    users, items = (pd.Categorical(events[name]) for name in ("user_id", "item_id"))
    shape = len(users.categories), len(items.categories)
    pairs = csr_matrix((np.ones(len(events), np.float32), (users.codes, items.codes)), shape=shape)
    model = MODELS[given.model]()
    model.fit(pairs, show_progress=False)
    found, scores = model.recommend(np.arange(shape[0]), pairs, N=given.top_k, filter_already_liked_items=True)
    popular = np.argsort(-np.bincount(items.codes, minlength=shape[1]), kind="stable")
    lists = []
    for user in range(shape[0]):
        seen = set(pairs.indices[pairs.indptr[user] : pairs.indptr[user + 1]].tolist())
        kept = [
            (item, score)
            for item, score in zip(found[user].tolist(), scores[user].tolist(), strict=True)
            if item >= 0 and np.isfinite(score) and item not in seen and score > np.finfo(np.float32).min
        ]
        least = min((score for _, score in kept), default=0.0)
        seen.update(item for item, _ in kept)
        missing = (item for item in popular.tolist() if item not in seen)
        kept += [(item, least) for item, _ in zip(missing, range(given.top_k - len(kept)), strict=False)]
        lists += [(user, item, score, rank + 1) for rank, (item, score) in enumerate(kept)]
    table = pd.DataFrame(lists, columns=["user", "item", "score", "rank"])
    table["user_id"] = np.asarray(users.categories)[table.pop("user")]
    table["item_id"] = np.asarray(items.categories)[table.pop("item")]
    table.assign(source=given.model, reason=given.model).to_parquet(given.out.with_suffix(".parquet"), index=False)
    given.out.mkdir()
    given.out.with_suffix(".parquet").rename(given.out / "part-0.parquet")
    return 0


if __name__ == "__main__":
    sys.exit(main())
