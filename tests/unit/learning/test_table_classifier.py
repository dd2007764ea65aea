"""Classifiers of any table's rows: what they learn, what they refuse, what they hand through."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from repertoire.errors import InputError, SettingsError
from repertoire.frames.materialise import materialise
from repertoire.learning.naive_bayes_factors import factors_of
from repertoire.learning.table_classifier import (
    TableClassifier,
    TableFit,
    fit_table,
    measure_predictions,
    predict_table,
)
from repertoire.settings import ClassifySettings

RNG = np.random.default_rng(9)


def _customers(rows: int) -> list[tuple[Any, ...]]:
    made = []
    for n in range(rows):
        age, income = int(RNG.integers(18, 80)), float(RNG.lognormal(10, 0.5))
        usage = float(RNG.exponential(20))
        shop = str(RNG.choice(["film", "game", "music"]))
        margin = 0.08 * usage - 0.04 * (age - 40) + (1.5 if shop == "game" else 0) - 2.5
        bought = RNG.random() < 1 / (1 + np.exp(-margin))
        made.append((f"r{n}", age, None if n % 10 == 0 else income, usage, shop, "yes" if bought else "no"))
    return made


SCHEMA = "row_id string, age int, income double, total_usage double, `first shop` string, purchased string"


@pytest.fixture(scope="module")
def customers(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    folder = tmp_path_factory.mktemp("customers")
    return materialise(spark.createDataFrame(_customers(1500), SCHEMA).coalesce(2), f"{folder}/rows")


def _fit(table: DataFrame, scratch: Path, **settings: Any) -> TableFit:
    chosen = {"algorithm": "logistic", "importance_repeats": 0, **settings}
    named = {key: chosen.pop(key) for key in ("positive", "ignore", "categories") if key in chosen}
    return fit_table(
        table,
        label="purchased",
        where="customers.csv",
        settings=ClassifySettings.model_validate(chosen),
        seed=1,
        scratch=str(scratch),
        **named,
    )


@pytest.fixture(scope="module")
def fitted(customers: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> TableFit:
    return _fit(customers, tmp_path_factory.mktemp("fit"), importance_repeats=3)


def test_it_tells_what_it_took_and_how_good_it_is(fitted: TableFit) -> None:
    kinds = {one.name: one.kind for one in fitted.columns.columns}
    assert kinds == {
        "row_id": "left_out",
        "age": "number",
        "income": "number",
        "total_usage": "number",
        "first shop": "category",
    }
    assert sum(fitted.rows_of.values()) == 1500
    assert fitted.measured is not None
    assert 200 < fitted.measured.rows < 400
    auc = fitted.measured.figure("auc")
    assert auc is not None
    assert auc.value > 0.75
    assert fitted.importances[0].column == "total_usage"
    assert fitted.importances[-1].column == "income"  # which says nothing
    assert abs(fitted.importances[-1].drop) < 0.02


def test_the_rarer_label_is_asked_for_unless_another_is_named(
    fitted: TableFit, customers: DataFrame, tmp_path: Path
) -> None:
    rarer = min(fitted.rows_of, key=fitted.rows_of.__getitem__)
    assert fitted.classifier.model.classes[1] == rarer
    other = max(fitted.rows_of, key=fitted.rows_of.__getitem__)
    assert _fit(customers, tmp_path, positive=other).classifier.model.classes[1] == other


def test_rows_are_labelled_with_all_that_they_had(fitted: TableFit, customers: DataFrame) -> None:
    again = TableClassifier.from_json(fitted.classifier.as_json(), fitted.classifier.model.files)
    predicted = predict_table(customers, again, "new.csv")
    assert predicted.columns == [*customers.columns, "prediction", "score_no", "score_yes"] or predicted.columns == [
        *customers.columns, "prediction", "score_yes", "score_no",
    ]  # fmt: skip
    table = predicted.toPandas()
    assert sorted(table.row_id) == sorted(f"r{n}" for n in range(1500))
    assert np.allclose(table.score_yes + table.score_no, 1)
    assert set(table.prediction) == {"yes", "no"}
    assert ((table.score_yes > table.score_no) == (table.prediction == "yes")).all()
    assert roc_auc_score(table.purchased == "yes", table.score_yes) > 0.75
    measured = measure_predictions(predicted, again)
    assert measured is not None
    assert measured.rows == 1500
    assert measure_predictions(predicted.drop("purchased"), again) is None


def test_unseen_categories_nulls_and_other_types_are_scored(fitted: TableFit, spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("1", "30", None, "12.5", "books"), ("2", " 31 ", "?", None, None)],
        "row_id string, age string, income string, total_usage string, `first shop` string",
    )
    scores = predict_table(rows, fitted.classifier, "new.csv").toPandas()
    assert np.isfinite(scores.score_yes).all()


def test_the_order_of_rows_and_their_partitions_do_not_matter(
    customers: DataFrame, fitted: TableFit, tmp_path: Path
) -> None:
    mixed = materialise(customers.orderBy(F.xxhash64("row_id")).repartition(3), f"{tmp_path}/mixed")
    other = _fit(mixed, tmp_path / "fit")
    assert other.measured is not None
    assert fitted.measured is not None
    assert other.measured.rows == fitted.measured.rows
    assert other.measured.figure("auc").value == pytest.approx(fitted.measured.figure("auc").value, abs=1e-4)  # type: ignore[union-attr]


def test_what_is_measured_was_not_learnt_from(spark: SparkSession, tmp_path: Path) -> None:
    """Labels by chance: a forest learns its rows by heart, and an honest measure finds nothing."""
    rows = [(float(RNG.random()), float(RNG.random()), str(RNG.integers(0, 2))) for _ in range(2000)]
    table = spark.createDataFrame(rows, "a double, b double, purchased string")
    found = _fit(table, tmp_path, algorithm="random_forest", random_forest={"trees": 10, "min_rows_per_leaf": 1})
    auc = found.measured.figure("auc")  # type: ignore[union-attr]
    assert auc is not None
    assert auc.low < 0.5 < auc.high  # type: ignore[operator]


def test_balanced_weights_leave_probabilities_as_they_should_be(customers: DataFrame, tmp_path: Path) -> None:
    rare = customers.where((F.col("purchased") == "no") | (F.pmod(F.xxhash64("row_id"), F.lit(5)) == 0))
    found = _fit(rare, tmp_path, class_weight="balanced", decision="balanced", holdout=0)
    table = predict_table(rare, found.classifier, "x").toPandas()
    assert table.score_yes.mean() == pytest.approx((table.purchased == "yes").mean(), abs=0.02)
    share = (table.prediction == "yes").mean()
    assert share > 1.5 * (table.purchased == "yes").mean()  # more are called than there are: that is what was asked for


def test_the_best_f1_decides_where_it_is_asked_to(customers: DataFrame, tmp_path: Path) -> None:
    plain = _fit(customers, tmp_path / "plain")
    best = _fit(customers, tmp_path / "best", decision="best_f1")
    f1 = [found.measured.figure("f1").value for found in (plain, best)]  # type: ignore[union-attr]
    assert f1[1] >= f1[0]
    assert best.classifier.model.thresholds != ()


def test_svm_and_naive_bayes_are_calibrated_by_default(customers: DataFrame, tmp_path: Path) -> None:
    for name, kind in (("svm", "platt"), ("naive_bayes", "isotonic")):
        found = _fit(customers, tmp_path / name, algorithm=name)
        assert [curve.kind for curve in found.classifier.model.calibration.curves] == [kind]
        assert found.measured.figure("log_loss").value < 0.6  # type: ignore[union-attr]


def test_naive_bayes_says_what_each_value_multiplies_the_odds_by(spark: SparkSession, tmp_path: Path) -> None:
    rows = [("film", "yes")] * 30 + [("film", "no")] * 10 + [("game", "yes")] * 10 + [("game", "no")] * 50
    table = spark.createDataFrame(rows, "shop string, purchased string")
    found = _fit(table, tmp_path, algorithm="naive_bayes", holdout=0, naive_bayes={"smoothing": 1e-9})
    told = factors_of(found.classifier.model)
    assert told is not None
    assert found.classifier.model.classes == ("no", "yes")
    assert told.odds == pytest.approx(40 / 60)
    film = next(one for one in told.factors if one.value == "film")
    assert (film.given_positive, film.given_other) == (pytest.approx(30 / 40), pytest.approx(10 / 60))
    assert film.factor == pytest.approx(4.5)
    scores = predict_table(table.where("shop = 'film'").limit(1), found.classifier, "x").toPandas()
    assert scores.score_yes[0] == pytest.approx(30 / 40)  # odds 2/3 × 4.5 = 3


@pytest.mark.parametrize(
    "labels, message",
    [
        (["yes"] * 20, 'every row that has a label has "yes". There is nothing to tell apart'),
        ([None] * 20, "no row has a label"),
        (["yes"] * 20 + ["no"] * 2, 'the label "no" has 2 rows; 5 are needed of each'),
        ([str(n) for n in range(200)], "more than 100 different labels"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(
    labels: list[str | None], message: str, spark: SparkSession, tmp_path: Path
) -> None:
    table = spark.createDataFrame([(float(n), label) for n, label in enumerate(labels)], "a double, purchased string")
    with pytest.raises(InputError, match=message):
        _fit(table, tmp_path)


def test_columns_that_are_not_there_are_refused(customers: DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="customers.csv: no column agee. Columns found: row_id, age"):
        _fit(customers, tmp_path, ignore=["agee"])
    with pytest.raises(InputError, match='no row has the label "maybe". Labels found: no, yes'):
        _fit(customers, tmp_path, positive="maybe")


def test_two_class_algorithms_refuse_three(spark: SparkSession, tmp_path: Path) -> None:
    table = spark.createDataFrame([(float(n), "abc"[n % 3]) for n in range(300)], "a double, purchased string")
    with pytest.raises(
        SettingsError, match="gbt tells two classes apart, and the label has 3: a, b, c. Allowed for more"
    ):
        _fit(table, tmp_path, algorithm="gbt")
    with pytest.raises(SettingsError, match="best_f1 is for two classes"):
        _fit(table, tmp_path, decision="best_f1")


def test_margins_cannot_be_decided_by_thresholds(customers: DataFrame, tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match="decision=balanced needs probabilities, and svm has none without calibration"
    ):
        _fit(customers, tmp_path, algorithm="svm", calibration="none", decision="balanced")


def test_a_table_that_has_predictions_already_is_refused(fitted: TableFit, customers: DataFrame) -> None:
    with pytest.raises(InputError, match="has a column prediction already"):
        predict_table(customers.withColumn("prediction", F.lit(1)), fitted.classifier, "new.csv")
