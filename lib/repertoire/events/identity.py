"""What makes two events one: their ids, and the rows of a batch that repeat another."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.events.read_rows import FILE
from repertoire.vocabulary import CONTEXT, EVENT_TS, EVENT_TYPE, ITEM_ID, SESSION_ID, USER_ID, VALUE

CONTENT_ID = "content_id"
OCCURRENCE = "occurrence"
KEPT = "kept"
KEY_HASH = "key_hash"

_ROWS_PER_TASK = 200_000

_KEY = (USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, VALUE, SESSION_ID)


def event_id() -> Column:
    """32 hex digits: md5 of type, time, value, user, item and session; in place of a time that is not there, of the
    file's content_id and the occurrence.

    Unambiguous whatever the ids hold: the fields of few words come first, the lengths of the ids before the ids.
    """
    timed = F.col(EVENT_TS).isNotNull()
    apart = F.when(timed, F.unix_micros(EVENT_TS).cast("string")).otherwise(
        F.concat(CONTENT_ID, F.lit("#"), F.col(OCCURRENCE).cast("string"))
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
    """64 bits that are equal for equal events, whatever type those that name none will be given.

    Rows that differ in it are not the same event.
    """
    return F.xxhash64(*(name for name in _KEY if name != EVENT_TYPE), F.when(F.col(EVENT_TS).isNull(), F.col(FILE)))


def shared_hashes(typed: DataFrame, rows: int) -> DataFrame:
    """The values of key_hash that more than one row has. Only 8 bytes of each row are shuffled.

    rows: how many there are, so that each task gets few enough for its hash table to stay in the processor's cache.
    """
    hashes = typed.where(F.col(KEY_HASH).isNotNull()).select(KEY_HASH)
    tasks = 1 + rows // _ROWS_PER_TASK
    return hashes.repartition(tasks, KEY_HASH).groupBy(KEY_HASH).count().where("count > 1").select(KEY_HASH)


def repeated_rows(events: DataFrame, shared: DataFrame) -> DataFrame:
    """The rows whose key_hash is shared, with `occurrence` and `kept`.

    events: sound rows in TYPED_SCHEMA with every event_type filled. Of timed rows of one key, the first by file and
    context is kept; those without a time all are, numbered within their file. Rows that share a hash but not a key are
    told apart by their key.
    """
    untimed = F.col(EVENT_TS).isNull()
    alike = Window.partitionBy(KEY_HASH, *_KEY, F.when(untimed, F.col(FILE))).orderBy(FILE, F.to_json(CONTEXT))
    found = events.join(shared, KEY_HASH, "left_semi").withColumn(OCCURRENCE, F.row_number().over(alike))
    return found.withColumn(KEPT, untimed | (F.col(OCCURRENCE) == 1))
