"""Each row of a log once: without those that repeat another of the batch, and those that are stored already."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from repertoire.events.identity import (
    CONTENT_ID,
    KEPT,
    KEY_HASH,
    OCCURRENCE,
    Identity,
    repeated_rows,
    shared_hashes,
)
from repertoire.events.input_files import InputFile
from repertoire.events.materialise import materialise
from repertoire.events.read_rows import FILE
from repertoire.vocabulary import EVENT_DATE


def without_repeats(sound: DataFrame, rows: int, identity: Identity, scratch: str) -> tuple[DataFrame, Counter[str]]:
    """The sound rows, each once, with `occurrence`; and how many of each file repeat another. rows: how many they are."""
    shared = materialise(shared_hashes(sound, rows), f"{scratch}/shared")
    alone = sound.withColumn(OCCURRENCE, F.lit(1))
    if shared.isEmpty():
        return alone, Counter()
    repeated = materialise(repeated_rows(sound, shared, identity), f"{scratch}/repeated")
    counts = repeated.where(~F.col(KEPT)).groupBy(FILE).count().collect()
    kept = repeated.where(KEPT).drop(KEPT)
    once = alone.join(shared, KEY_HASH, "left_anti").unionByName(kept)
    return once, Counter({row[FILE]: row["count"] for row in counts})


def with_content_id(rows: DataFrame, files: Sequence[InputFile]) -> DataFrame:
    """The rows with the checksum of the file that each came from."""
    contents = pa.table({FILE: [file.uri for file in files], CONTENT_ID: [file.content_id for file in files]})
    return rows.join(F.broadcast(rows.sparkSession.createDataFrame(contents)), FILE)


def without_known(
    rows: DataFrame, key: str, known: DataFrame, days: frozenset[dt.date], scratch: str
) -> tuple[DataFrame, Counter[str]]:
    """The rows that are not stored yet, and how many of each file are. The days are literals: no other day is read."""
    there = known.where(F.col(EVENT_DATE).isin(*sorted(days))).select(key)
    if not days or there.isEmpty():
        return rows, Counter()
    stored = materialise(rows.select(key, FILE).join(there, key, "left_semi"), scratch)
    counts = Counter({row[FILE]: row["count"] for row in stored.groupBy(FILE).count().collect()})
    return (rows.join(stored, key, "left_anti") if counts else rows), counts
