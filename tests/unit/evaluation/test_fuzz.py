"""Whatever bytes stand in a file of lists, of the truth or of a background: figures, or a sentence; never a stack trace.

REPERTOIRE_FUZZ=500 tries so many new ones.
"""

import gzip
import os
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.evaluation.background_files import read_background
from repertoire.evaluation.list_file import read_lists
from repertoire.evaluation.truth_file import read_truth

TRIES = int(os.environ.get("REPERTOIRE_FUZZ", "0"))
fuzzed = settings(
    max_examples=TRIES or 6,
    derandomize=not TRIES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

words = st.sampled_from(
    [
        "u1",
        "u2",
        "",
        " ",
        "1",
        "2",
        "-1",
        "0",
        "1.5",
        "NaN",
        "inf",
        "1e400",
        "9" * 30,
        '"',
        '"a\nb"',
        "\x00",
        "é",
        "🎬",
        "null",
    ]
)
headers = st.sampled_from(
    [
        "user_id,item_id,rank",
        "user_id,item_id,score",
        "user_id,item_id,gain",
        "item_id,tags",
        "item_id,user_id",
        "user_id",
        "",
        ",",
    ]
)
texts = st.builds(
    lambda head, rows: "\n".join([head, *(",".join(row) for row in rows)]).encode(),
    headers,
    st.lists(st.lists(words, min_size=1, max_size=4), max_size=6),
)
jsons = st.builds(
    lambda rows: "\n".join(rows).encode(),
    st.lists(
        st.sampled_from(
            [
                '{"user_id": "u", "item_id": 1, "rank": 1}',
                '{"user_id": [1], "item_id": {"a": 1}}',
                "[1]",
                "null",
                "{",
                "",
                "\ufeff{}",
            ]
        ),
        max_size=5,
    ),
)
names = st.sampled_from(["f.csv", "f.tsv", "f.jsonl", "f.parquet", "f.csv.gz", "f.txt"])


def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "sound.parquet"
    pd.DataFrame({"user_id": ["u"] * 50, "item_id": [f"i{n}" for n in range(50)], "rank": range(1, 51)}).to_parquet(
        path
    )
    return path.read_bytes()


def read_all(spark: SparkSession, path: str) -> list[str]:
    """How each reader ended: "read", or what it says."""
    nobody = spark.createDataFrame([], "user_id string")
    given = {"history": None, "items": None, "users": None}

    def background(name: str) -> object:
        by = ["country"] if name == "users" else []
        return read_background(
            spark, lambda frame: frame, nobody, **(given | {name: path}), by=by, cold_below=5, catalogue_size=None
        )

    ends = []
    for read in (
        lambda: read_lists(spark, path, lambda frame: frame),
        lambda: read_truth(spark, path, lambda frame: frame).relevant.collect(),
        *[lambda name=name: background(name) for name in given],
    ):
        try:
            read()
            ends.append("read")
        except InputError as error:
            ends.append(str(error))
    return ends


def check(spark: SparkSession, folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    for end in read_all(spark, str(path)):
        assert end == "read" or "f." in end, end
        assert "org.apache" not in end
        assert "Exception" not in end


@fuzzed
@given(texts | jsons, names)
def test_any_text(spark: SparkSession, tmp_path: Path, data: bytes, name: str) -> None:
    check(spark, tmp_path, name, data)


@fuzzed
@given(st.binary(max_size=200), names)
def test_any_bytes(spark: SparkSession, tmp_path: Path, data: bytes, name: str) -> None:
    check(spark, tmp_path, name, data)


@fuzzed
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 255))
def test_damaged_parquet(spark: SparkSession, tmp_path: Path, cut: float, at: float, byte: int) -> None:
    data = bytearray(parquet(tmp_path))
    check(spark, tmp_path, "f.parquet", bytes(data[: int(cut * len(data))]))
    data[int(at * (len(data) - 1))] ^= byte
    check(spark, tmp_path, "f.parquet", bytes(data))
