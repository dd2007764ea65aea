"""Every algorithm of `repertoire classify` beside scikit-learn's or xgboost's own, on the same rows of the same split.

    .venv/bin/python benchmarks/classify.py TRAIN.parquet TEST.parquet LABEL [--algorithms xgboost,dnn] [--set KEY=VALUE]
    .venv/bin/python benchmarks/classify.py --score-rows 1000000 TRAIN.parquet TEST.parquet LABEL

TEST has the label, too. Prints a line each: AUC and log-loss on TEST of ours and of the peer's, the difference of AUC, and
seconds of fitting; with --score-rows also how many rows a second ours scores, TEST's rows repeated, written as Parquet. The
peer gets numbers with medians for gaps and categories one-hot; its settings are its own defaults, but for as many trees and as
deep as ours.
"""

import argparse
import json
import sys
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.naive_bayes import BernoulliNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from repertoire.learning.table_classifier import fit_table, predict_table
from repertoire.session import start_session
from repertoire.settings import load_settings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("label")
    parser.add_argument("--algorithms", default="xgboost,gbt,random_forest,dnn,logistic,svm,naive_bayes")
    parser.add_argument("--score-rows", type=int, default=0)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    spark = start_session(load_settings(env="local").spark, app="benchmark")
    train, test = pd.read_parquet(options.train), pd.read_parquet(options.test)
    truth = test[options.label].astype(str)
    rows = []
    for name in options.algorithms.split(","):
        row = _ours(spark, options, name, truth)
        if not options.no_peers:
            row |= _peer(name, train, test, options.label)
            row["auc_difference"] = row["auc"] - row["peer_auc"]
        rows.append(row)
        print(
            "  ".join(
                f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
            )
        )
    print(json.dumps(rows))
    spark.stop()
    return 0


def _ours(spark: Any, options: argparse.Namespace, name: str, truth: pd.Series) -> dict[str, Any]:
    given = [f"classify.algorithm={name}", "classify.importance_repeats=0", *options.set]
    settings = load_settings(env="local", overrides=given)
    with tempfile.TemporaryDirectory() as scratch:
        clock = time.monotonic()
        found = fit_table(
            spark.read.parquet(options.train),
            label=options.label,
            where=options.train,
            settings=settings.classify,
            seed=settings.run.seed,
            scratch=f"{scratch}/fit",
        )
        seconds = time.monotonic() - clock
        table = spark.read.parquet(options.test)
        scored = predict_table(table, found.classifier, options.test).toPandas()
        positive = found.classifier.model.classes[1]
        scores = scored[f"score_{positive}"]
        row: dict[str, Any] = {
            "algorithm": name,
            "auc": float(roc_auc_score(truth == positive, scores)),
            "log_loss": float(log_loss(truth == positive, scores.clip(1e-15, 1 - 1e-15))),
            "fit_seconds": seconds,
        }
        if options.score_rows:
            row["rows_per_second"] = _rows_per_second(spark, table, found.classifier, options.score_rows, scratch)
    return row


def _rows_per_second(spark: Any, table: Any, classifier: Any, rows: int, scratch: str) -> float:
    """Of the second of two passes: the first one starts workers and compiles."""
    copies = -(-rows // table.count())
    large = f"{scratch}/large"
    table.crossJoin(spark.range(copies).drop("id")).limit(rows).write.parquet(large)
    seconds = 0.0
    for attempt in range(2):
        clock = time.monotonic()
        predict_table(spark.read.parquet(large), classifier, large).write.parquet(f"{scratch}/scored{attempt}")
        seconds = time.monotonic() - clock
    return rows / seconds


def _peer(name: str, train: pd.DataFrame, test: pd.DataFrame, label: str) -> dict[str, Any]:
    features = [column for column in train.columns if column != label]
    numbers = [column for column in features if pd.api.types.is_numeric_dtype(train[column])]
    names = [column for column in features if column not in numbers]
    settings = load_settings(env="local").classify
    median, one_hot = SimpleImputer(strategy="median"), OneHotEncoder(handle_unknown="ignore", min_frequency=5)
    scaled = ColumnTransformer([("n", make_pipeline(median, StandardScaler()), numbers), ("c", one_hot, names)])
    binned = ColumnTransformer(
        [
            ("n", make_pipeline(median, KBinsDiscretizer(10, quantile_method="averaged_inverted_cdf")), numbers),
            ("c", one_hot, names),
        ]
    )
    plain = ColumnTransformer([("n", median, numbers), ("c", one_hot, names)])
    model = {
        "logistic": lambda: make_pipeline(scaled, LogisticRegression(C=1.0, max_iter=1000)),
        "svm": lambda: make_pipeline(scaled, CalibratedClassifierCV(LinearSVC(C=0.1), cv=3)),
        "naive_bayes": lambda: make_pipeline(binned, BernoulliNB()),
        "random_forest": lambda: make_pipeline(plain, _forest(settings)),
        "gbt": lambda: make_pipeline(plain, _gbt(settings)),
        "xgboost": lambda: make_pipeline(plain, _xgboost(settings)),
        "dnn": lambda: make_pipeline(scaled, _Keras(settings)),
    }[name]()
    truth = train[label].astype(str)
    positive = truth.value_counts().index[-1]
    clock = time.monotonic()
    model.fit(_text(train[features], names), truth == positive)
    seconds = time.monotonic() - clock
    scores = model.predict_proba(_text(test[features], names))[:, 1]
    hits = test[label].astype(str) == positive
    return {
        "peer_auc": float(roc_auc_score(hits, scores)),
        "peer_log_loss": float(log_loss(hits, np.clip(scores, 1e-15, 1 - 1e-15))),
        "peer_seconds": seconds,
    }


def _text(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].astype(str) for name in names})


def _forest(settings: Any) -> Any:
    own = settings.random_forest
    return RandomForestClassifier(
        own.trees, max_depth=own.max_depth, min_samples_leaf=own.min_rows_per_leaf, random_state=1
    )


def _gbt(settings: Any) -> Any:
    own = settings.gbt
    return GradientBoostingClassifier(
        n_estimators=own.trees,
        max_depth=own.max_depth,
        learning_rate=own.learning_rate,
        subsample=own.row_share,
        min_samples_leaf=own.min_rows_per_leaf,
        random_state=1,
    )


def _xgboost(settings: Any) -> Any:
    import xgboost

    own = settings.xgboost
    return xgboost.XGBClassifier(
        n_estimators=300,
        max_depth=own.max_depth,
        learning_rate=own.learning_rate,
        subsample=own.row_share,
        colsample_bytree=own.feature_share,
        n_jobs=2,
    )


class _Keras(ClassifierMixin, BaseEstimator):
    """Keras' own `fit`, in this process: the same layers, batch and patience."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def fit(self, rows: Any, hits: Any) -> "_Keras":
        import keras

        own = self.settings.dnn
        keras.utils.set_random_seed(1)
        values = np.asarray(rows.todense() if hasattr(rows, "todense") else rows, np.float32)
        layers = [keras.layers.Dense(units, activation="relu") for units in own.hidden]
        self._model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
        self._model.compile(optimizer=keras.optimizers.Adam(own.learning_rate), loss="binary_crossentropy")
        stop = keras.callbacks.EarlyStopping(patience=own.patience or 5, restore_best_weights=True)
        order = np.random.default_rng(1).permutation(len(values))
        self._model.fit(
            values[order],
            np.asarray(hits, np.float32)[order],
            validation_split=0.2,
            batch_size=own.batch_size,
            epochs=own.epochs,
            callbacks=[stop],
            verbose=0,
        )
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, rows: Any) -> np.ndarray:
        values = np.asarray(rows.todense() if hasattr(rows, "todense") else rows, np.float32)
        scores = self._model.predict(values, verbose=0, batch_size=4096)[:, 0]
        return np.stack([1 - scores, scores], axis=1)


if __name__ == "__main__":
    sys.exit(main())
