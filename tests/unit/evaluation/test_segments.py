"""Groups of users: newcomers, and those whom a column tells apart."""

from pyspark.sql import SparkSession

from repertoire.evaluation.segments import user_segments


def test_cold_warm_and_columns(spark: SparkSession) -> None:
    users = spark.createDataFrame([(one,) for one in "uvw"], "user_id string")
    history = spark.createDataFrame([("u", "a"), ("u", "b"), ("v", "a"), ("x", "a")], "user_id string, item_id string")
    accounts = spark.createDataFrame([("u", "FR"), ("v", None), ("x", "DE")], "user_id string, country string")
    found = user_segments(users, history, 2, accounts, ["country"]).collect()
    assert {tuple(row) for row in found} == {
        ("u", "history=warm"),
        ("v", "history=cold"),
        ("w", "history=cold"),
        ("u", "country=FR"),
    }
    assert len(found) == 4


def test_rare_values_are_one_segment(spark: SparkSession) -> None:
    """25 countries, the first with two users; ties go by name, so that c20 to c24 are the others."""
    rows = [(f"u{n}", f"c{n % 25:02}") for n in range(26)]
    accounts = spark.createDataFrame(rows, "user_id string, country string")
    found = user_segments(accounts.select("user_id"), None, 5, accounts, ["country"]).collect()
    segments = [row["segment"] for row in found]
    assert segments.count("country=c00") == 2
    assert segments.count("country=other") == 5
    assert len(set(segments)) == 21
