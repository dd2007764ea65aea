"""What makes two rows of a log one: their ids, and the rows of a batch that repeat another."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from repertoire.events.read_rows import FILE
from repertoire.vocabulary import CONTEXT, EVENT_TS

CONTENT_ID = "content_id"
OCCURRENCE = "occurrence"
KEPT = "kept"
KEY_HASH = "key_hash"

_ROWS_PER_TASK = 200_000


@dataclass(frozen=True)
class Identity:
    """The columns that, with event_ts, identify a row of a log.

    words: of a few known words, never null. numbers: null where there is none. texts: whatever the log writes. rest: the
    last one, of any length. settled_later: of these, one that gets its value when all rows of a batch are known.
    """

    texts: tuple[str, ...]
    rest: str
    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    settled_later: str | None = None

    @property
    def key(self) -> list[Column]:
        """Columns that are equal for equal rows."""
        return [_comparable(name) for name in (*self._early, *([self.settled_later] if self.settled_later else []))]

    @property
    def early_key(self) -> list[Column]:
        """The key without what is settled later."""
        return [_comparable(name) for name in self._early]

    @property
    def _early(self) -> list[str]:
        names = (*self.words, EVENT_TS, *self.numbers, *self.texts, self.rest)
        return [name for name in names if name != self.settled_later]


def row_id(identity: Identity) -> Column:
    """32 hex digits: md5 of words, time, numbers, texts and rest; in place of a time that is not there, of the file's
    content_id and the occurrence.

    Unambiguous whatever the texts hold: the fields of few words come first, the lengths of the texts before the texts.
    """
    timed = F.col(EVENT_TS).isNotNull()
    apart = F.when(timed, F.unix_micros(EVENT_TS).cast("string")).otherwise(
        F.concat(CONTENT_ID, F.lit("#"), F.col(OCCURRENCE).cast("string"))
    )
    fields = [
        *[F.col(name) for name in identity.words],
        apart,
        *[_or_nothing(F.col(name).cast("string")) for name in identity.numbers],
        *[_or_nothing(F.length(name).cast("string")) for name in identity.texts],
        *[_or_nothing(F.col(name)) for name in identity.texts],
    ]
    parts = [part for field in fields for part in (field, F.lit("|"))][:-1]
    rest = F.to_json(identity.rest) if identity.rest == CONTEXT else F.col(identity.rest)
    return F.md5(F.concat(*parts, F.when(rest.isNotNull(), F.concat(F.lit("|"), rest)).otherwise(F.lit(""))))


def key_hash(identity: Identity) -> Column:
    """64 bits that are equal for equal rows, whatever is settled later. Rows that differ in it are not the same."""
    return F.xxhash64(*identity.early_key, F.when(F.col(EVENT_TS).isNull(), F.col(FILE)))


def shared_hashes(typed: DataFrame, rows: int) -> DataFrame:
    """The values of key_hash that more than one row has. Only 8 bytes of each row are shuffled.

    rows: how many there are, so that each task gets few enough for its hash table to stay in the processor's cache.
    """
    hashes = typed.where(F.col(KEY_HASH).isNotNull()).select(KEY_HASH)
    tasks = 1 + rows // _ROWS_PER_TASK
    return hashes.repartition(tasks, KEY_HASH).groupBy(KEY_HASH).count().where("count > 1").select(KEY_HASH)


def repeated_rows(rows: DataFrame, shared: DataFrame, identity: Identity) -> DataFrame:
    """The rows whose key_hash is shared, with `occurrence` and `kept`.

    rows: sound typed rows with nothing left to settle. Of timed rows of one key, the first by file and context is kept;
    those without a time all are, numbered within their file. Rows that share a hash but not a key are told apart by
    their key.
    """
    untimed = F.col(EVENT_TS).isNull()
    same = Window.partitionBy(KEY_HASH, *identity.key, F.when(untimed, F.col(FILE)))
    found = rows.join(shared, KEY_HASH, "left_semi").withColumn(
        OCCURRENCE, F.row_number().over(same.orderBy(FILE, F.to_json(CONTEXT)))
    )
    return found.withColumn(KEPT, untimed | (F.col(OCCURRENCE) == 1))


def _comparable(name: str) -> Column:
    return F.map_entries(name) if name == CONTEXT else F.col(name)  # maps can be neither hashed nor compared


def _or_nothing(text: Column) -> Column:
    return F.coalesce(text, F.lit(""))
