"""How columns of any table are read."""

import math

import pytest
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.table_columns import check_features, inspect_columns

MISSING = ["", "?", "NaN"]


def test_each_column_is_read_as_its_values_say(spark: SparkSession) -> None:
    rows = [
        (
            n,
            str(n % 7),
            f"row {n}",
            "?" if n % 4 else "x",
            "film" if n % 3 else "game",
            None,
            7,
            "abc" if n == 5 else str(n % 9),
            [n],
        )
        for n in range(100)
    ]
    table = spark.createDataFrame(
        rows,
        "session_id int, clicks string, note string, once string, shop string, empty string, same int, nearly string, "
        "nested array<int>",
    )
    found = inspect_columns(table, table.columns, missing=MISSING)
    assert found.rows == 100
    assert {one.name: one.kind for one in found.columns} == {
        "session_id": "left_out",  # an id by its name, with a value a row
        "clicks": "number",
        "note": "left_out",  # free text
        "once": "left_out",  # one value, or missing
        "shop": "category",
        "empty": "left_out",
        "same": "left_out",
        "nearly": "category",
        "nested": "left_out",
    }
    why = {one.name: one.why for one in found.columns}
    assert (
        why["nearly"]
        == '1 of 100 values are no numbers, such as "abc"; if they mean missing, name them in classify.missing'
    )
    assert why["empty"] == "no row has a value"
    assert why["same"] == "every row has the same value"
    assert why["nested"] == "of type array<int>"
    known = {one.name: one.known for one in found.columns}
    assert (known["once"], known["empty"], known["shop"]) == (25, 0, 100)
    assert found.features == [
        FeatureColumn("clicks", "number"),
        FeatureColumn("shop", "category"),
        FeatureColumn("nearly", "category"),
    ]


def test_codes_are_names_where_that_is_said(spark: SparkSession) -> None:
    table = spark.createDataFrame([(n % 3,) for n in range(10)], "region int")
    (column,) = inspect_columns(table, ["region"], missing=MISSING, categories=["region"]).columns
    assert (column.kind, column.distinct) == ("category", 3)


def test_many_different_values_are_counted_about(spark: SparkSession) -> None:
    table = spark.range(30_000).selectExpr("id * 0.5 AS amount").repartition(3)
    (column,) = inspect_columns(table, ["amount"], missing=MISSING).columns
    assert column.distinct == pytest.approx(30_000, rel=0.1)


def test_infinite_numbers_are_refused(spark: SparkSession) -> None:
    table = spark.createDataFrame([(1.0,), (math.inf,), (-math.inf,)], "amount double")
    with pytest.raises(InputError, match="column amount: 2 values are infinite"):
        inspect_columns(table, ["amount"], missing=MISSING)
    inspect_columns(spark.createDataFrame([(1.0,), (2.0,), (math.inf,)], "a double"), ["a"], missing=["inf"])


def test_a_table_with_nothing_to_learn_from_is_refused(spark: SparkSession) -> None:
    table = spark.createDataFrame([(1, None), (1, None)], "same int, empty string")
    with pytest.raises(
        InputError, match="no column is left to learn from. same: every row has the same value; empty: no row"
    ):
        inspect_columns(table, table.columns, missing=MISSING)


def test_rows_to_label_must_have_the_features_as_they_were(spark: SparkSession) -> None:
    features = [FeatureColumn("age", "number"), FeatureColumn("shop", "category")]
    good = spark.createDataFrame([(1, "a"), (None, None)], "age int, shop string")
    check_features(good, features, MISSING, "new.csv")
    with pytest.raises(
        InputError, match="new.csv: no column shop, which the model has learnt from. Columns found: age"
    ):
        check_features(good.select("age"), features, MISSING, "new.csv")
    wrong = spark.createDataFrame([("12", "a"), ("old", "b"), ("?", "c")], "age string, shop string")
    with pytest.raises(InputError, match='new.csv, column age: 1 values are no numbers, such as "old"'):
        check_features(wrong, features, MISSING, "new.csv")
    with pytest.raises(InputError, match="column shop: of type array<string>"):
        check_features(good.selectExpr("age", "array(shop) AS shop"), features, MISSING, "new.csv")
