"""What makes two events one: their ids, and the rows of a batch that repeat another."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.events.read_rows import FILE
from repertoire.vocabulary import CONTEXT, EVENT_TS, EVENT_TYPE, ITEM_ID, SESSION_ID, USER_ID, VALUE

CONTENT_ID = "content_id"
OCCURRENCE = "occurrence"
KEPT = "kept"
KEY_HASH = "key_hash"

_KEY = (USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, VALUE, SESSION_ID)


def event_id(content_id: Column, occurrence: Column) -> Column:
    """32 hex digits: md5 of type, time, value, user, item and session, and where there is no time of file and occurrence.

    Unambiguous whatever the ids hold: the fields of few words come first, the lengths of the ids before the ids.
    """
    timed = F.col(EVENT_TS).isNotNull()
    apart = F.when(timed, F.unix_micros(EVENT_TS).cast("string")).otherwise(
        F.concat(content_id, F.lit("#"), occurrence.cast("string"))
    )
    words = [
        F.col(EVENT_TYPE),
        apart,
        F.coalesce(F.col(VALUE).cast("string"), F.lit("")),
        F.length(USER_ID).cast("string"),
        F.length(ITEM_ID).cast("string"),
        F.col(USER_ID),
    ]
    parts = [part for word in words for part in (word, F.lit("|"))]
    session = F.when(F.col(SESSION_ID).isNotNull(), F.concat(F.lit("|"), F.col(SESSION_ID))).otherwise(F.lit(""))
    return F.md5(F.concat(*parts, F.col(ITEM_ID), session))


def key_hash() -> Column:
    """64 bits that are equal for equal events: rows that differ in it are not the same event."""
    return F.xxhash64(*_KEY, F.when(F.col(EVENT_TS).isNull(), F.col(FILE)))


def repeated_rows(events: DataFrame) -> DataFrame:
    """The rows whose key_hash another row shares, with `occurrence` and `kept`.

    events: rows in TYPED_SCHEMA with every event_type filled. Only the 8 bytes of a hash are shuffled for the rows
    that are alone, which are most. Of timed rows of one key, the first by file and context is kept; those without a
    time all are, numbered within their file. Rows that share a hash by chance are told apart by their key.
    """
    hashed = events.withColumn(KEY_HASH, key_hash())
    shared = hashed.groupBy(KEY_HASH).count().where("count > 1").select(KEY_HASH)
    same = [*_KEY, F.when(F.col(EVENT_TS).isNull(), F.col(FILE))]
    order = Window.partitionBy(KEY_HASH, *same).orderBy(FILE, F.to_json(CONTEXT))
    occurrence = F.row_number().over(order)
    found = hashed.join(shared, KEY_HASH, "left_semi").withColumn(OCCURRENCE, occurrence)
    return found.withColumn(KEPT, F.col(EVENT_TS).isNull() | (F.col(OCCURRENCE) == 1))
