"""Ids become ranks in the order of their bytes, whatever the partitioning."""

from pyspark.sql import SparkSession

from repertoire.frames.id_ranks import id_ranks

IDS = ["u/ä", "10", "9", "U", "u", "", "😀", "\uffff", "10", None]


def test_by_hand(spark: SparkSession) -> None:
    # UTF-8 puts U+FFFF (ef bf bf) before the emoji (f0 9f 98 80); UTF-16 would not.
    ordered = ["", "10", "9", "U", "u", "u/ä", "\uffff", "😀"]
    for partitions in (1, 8):
        frame = spark.createDataFrame([(one,) for one in IDS], "id string").repartition(partitions)
        ranks = id_ranks(frame, "id")
        assert {row["id"]: row["rank"] for row in ranks.collect()} == {one: rank for rank, one in enumerate(ordered)}
        assert dict(ranks.dtypes) == {"id": "string", "rank": "int"}


def test_no_ids(spark: SparkSession) -> None:
    assert id_ranks(spark.createDataFrame([], "id string"), "id", "n").collect() == []
