"""Every algorithm on the same small tables: it learns, and scores as the library that fitted it does."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml.classification import (
    GBTClassificationModel,
    LinearSVC,
    LogisticRegression,
    NaiveBayes,
    RandomForestClassificationModel,
)
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from repertoire.errors import SettingsError
from repertoire.frames.materialise import materialise
from repertoire.learning.algorithm import Fitted, TrainingRows
from repertoire.learning.algorithms import ALGORITHMS, algorithm
from repertoire.learning.encoder import Encoded
from repertoire.learning.row_columns import CODES, HELD, LABEL, NUMBERS, WEIGHT
from repertoire.settings import ClassifySettings, LearningSettings

RNG = np.random.default_rng(5)
ROWS = 1200
_TRUE = (RNG.random((ROWS, 4)) < [0.5, 0.3, 0.5, 0.2]).astype(np.float32)
NON_NEGATIVE = np.concatenate([_TRUE, 1 - _TRUE], axis=1)  # as naive Bayes takes columns: one feature of each is set
LABELS = (RNG.random(ROWS) < 1 / (1 + np.exp(-(3 * NON_NEGATIVE[:, 0] - 2 * NON_NEGATIVE[:, 1] - 1)))).astype(int)
SETTINGS = LearningSettings.model_validate(
    {
        "random_forest": {"trees": 5, "max_depth": 4},
        "gbt": {"trees": 5, "max_depth": 3},
        "xgboost": {"rounds": 30, "patience": 5},
    }
)
# The network has tests of its own, and so have rankers.
ONE_PROCESS = [name for name, one in ALGORITHMS.items() if name != "dnn" and not one.orders]


def _frame(spark: SparkSession, labels: np.ndarray = LABELS) -> DataFrame:
    rows = [(NON_NEGATIVE[n].tolist(), [], int(labels[n]), 1.0 + n % 2, n % 5 == 0) for n in range(len(labels))]
    schema = f"{NUMBERS} array<float>, {CODES} array<int>, {LABEL} int, {WEIGHT} double, {HELD} boolean"
    return spark.createDataFrame(rows, schema).coalesce(1)


def _training(frame: DataFrame, classes: int, folder: Path) -> TrainingRows:
    return TrainingRows(materialise(frame, f"{folder}/rows"), 8, (), classes, seed=1, scratch=f"{folder}/scratch")


@pytest.fixture(scope="module")
def training(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> TrainingRows:
    return _training(_frame(spark), 2, tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def fitted(training: TrainingRows) -> dict[str, Fitted]:
    return {name: algorithm(name).fit(training, SETTINGS) for name in ONE_PROCESS}


def _scores(name: str, fitted: Fitted) -> np.ndarray:
    encoded = Encoded(NON_NEGATIVE, np.zeros((ROWS, 0), np.int32))
    return algorithm(name).scorer(fitted.files, fitted.facts)(encoded)


@pytest.mark.parametrize("name", ONE_PROCESS)
def test_it_learns_and_scores_rows_in_their_order(name: str, fitted: dict[str, Fitted]) -> None:
    scores = _scores(name, fitted[name])
    assert scores.shape == (ROWS, 2)
    if algorithm(name).margins:
        assert np.allclose(scores[:, 0], -scores[:, 1])
    else:
        assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert roc_auc_score(LABELS, scores[:, 1]) > 0.8
    best = roc_auc_score(LABELS, 3 * NON_NEGATIVE[:, 0] - 2 * NON_NEGATIVE[:, 1])
    assert roc_auc_score(LABELS, scores[:, 1]) > best - 0.02


@pytest.mark.parametrize("name", ONE_PROCESS)
def test_the_same_rows_give_the_same_model(name: str, fitted: dict[str, Fitted], training: TrainingRows) -> None:
    again = algorithm(name).fit(training, SETTINGS)
    assert np.array_equal(_scores(name, again), _scores(name, fitted[name]))


def _own(model: object, training: TrainingRows, column: str) -> np.ndarray:
    from pyspark.ml.functions import array_to_vector, vector_to_array

    frame = training.frame.select(array_to_vector(F.col(NUMBERS).cast("array<double>")).alias("features"))
    found = model.transform(frame).select(vector_to_array(column).alias("scores")).toArrow()  # type: ignore[attr-defined]
    return np.array(found.column("scores").to_pylist())


def test_scores_are_mllibs_own(training: TrainingRows, fitted: dict[str, Fitted]) -> None:
    forest = RandomForestClassificationModel.load(f"{training.scratch}/mllib_forest")
    assert np.allclose(
        _own(forest, training, "probability"), _scores("random_forest", fitted["random_forest"]), atol=1e-12
    )
    boosted = GBTClassificationModel.load(f"{training.scratch}/mllib_gbt")
    assert np.allclose(_own(boosted, training, "probability"), _scores("gbt", fitted["gbt"]), atol=1e-12)
    vectors = training.vectors
    logistic = LogisticRegression(weightCol="weight", regParam=1e-4, maxIter=200, standardization=False).fit(vectors)
    assert np.allclose(_own(logistic, training, "probability"), _scores("logistic", fitted["logistic"]), atol=1e-12)
    svm = LinearSVC(weightCol="weight", regParam=1e-4, maxIter=200, standardization=False).fit(vectors)
    assert np.allclose(_own(svm, training, "rawPrediction"), _scores("svm", fitted["svm"]), atol=1e-12)
    bayes = NaiveBayes(weightCol="weight").fit(vectors)
    assert np.allclose(_own(bayes, training, "probability"), _scores("naive_bayes", fitted["naive_bayes"]), atol=1e-12)


def test_gaussian_naive_bayes_scores_as_mllib_does(training: TrainingRows) -> None:
    settings = LearningSettings.model_validate({"naive_bayes": {"kind": "gaussian"}})
    own = NaiveBayes(modelType="gaussian", weightCol="weight").fit(training.vectors)
    found = _scores("naive_bayes", algorithm("naive_bayes").fit(training, settings))
    assert np.allclose(_own(own, training, "probability"), found, atol=1e-9)


def test_held_back_rows_stop_xgboost_and_a_later_fit_takes_as_many_rounds(training: TrainingRows) -> None:
    from dataclasses import replace

    settings = LearningSettings.model_validate({"xgboost": {"rounds": 300, "patience": 3, "learning_rate": 0.5}})
    first = algorithm("xgboost").fit(training, settings)
    assert first.rounds is not None
    assert first.rounds < 100
    again = algorithm("xgboost").fit(replace(training, rounds=7), settings)
    assert again.facts["rounds"] == 7
    import xgboost

    assert xgboost.Booster(model_file=bytearray(again.files["xgboost.json"])).num_boosted_rounds() == 7


@pytest.mark.parametrize("name", ["logistic", "naive_bayes", "random_forest", "xgboost"])
def test_three_classes(name: str, spark: SparkSession, tmp_path: Path) -> None:
    labels = np.where(NON_NEGATIVE[:, 0] > 0, 2, np.where(NON_NEGATIVE[:, 1] > 0, 1, 0))
    rows = _training(_frame(spark, labels), 3, tmp_path)
    scores = _scores(name, algorithm(name).fit(rows, SETTINGS))
    assert scores.shape == (ROWS, 3)
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert (scores.argmax(axis=1) == labels).mean() > 0.85


@pytest.mark.parametrize("name", ["logistic", "naive_bayes", "gbt"])
def test_a_weight_of_two_counts_as_a_row_twice(name: str, spark: SparkSession, tmp_path: Path) -> None:
    if name == "gbt":
        settings = SETTINGS.model_copy(
            update={"gbt": SETTINGS.gbt.model_copy(update={"row_share": 1.0, "min_rows_per_leaf": 1})}
        )
    else:
        settings = SETTINGS
    heavy = _frame(spark)
    twice = (
        heavy.select(F.explode(F.array_repeat(F.struct(*heavy.columns), F.col(WEIGHT).cast("int"))).alias("row"))
        .select("row.*")
        .withColumn(WEIGHT, F.lit(1.0))
    )
    one, other = (
        _scores(name, algorithm(name).fit(_training(frame, 2, tmp_path / str(place)), settings))
        for place, frame in enumerate((heavy, twice.coalesce(1)))
    )
    assert np.allclose(one, other, atol=1e-4)


def test_an_unknown_algorithm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match='unknown algorithm "xgbost"; did you mean "xgboost"'):
        algorithm("xgbost")


def test_the_settings_name_every_algorithm() -> None:
    named = ClassifySettings.model_fields["algorithm"].annotation.__args__  # type: ignore[union-attr]
    assert set(named) == {name for name, one in ALGORITHMS.items() if not one.orders}


def test_trees_are_kept_as_a_table_that_others_can_read(fitted: dict[str, Fitted]) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(fitted["random_forest"].files["trees.parquet"]))
    assert table.column_names == ["tree", "feature", "threshold", "left", "right", "value"]
    assert pa.types.is_fixed_size_list(table.schema.field("value").type)
