"""The contract: every table of the warehouse, declared once.

Readers and writers check frames against these declarations, and `docs/tables.md` is generated from them.
"""

from dataclasses import dataclass, replace
from enum import Enum

from repertoire.declared_features import OF_ITEMS, OF_USERS, Feature
from repertoire.errors import TableError, unknown_name


class Written(Enum):
    """How a table takes new rows."""

    REPLACE_RUN_DATE = "the rows of one run_date are replaced as a whole"
    INSERT = "rows with a new key are added; a key that is there already is left alone"
    UPSERT = "rows with a new key are added; a row whose key is there already is replaced"


@dataclass(frozen=True)
class Column:
    """A column: Spark SQL type, one line of meaning (with its unit), whether nulls are allowed."""

    name: str
    type: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its columns in order, its key, its partitioning, and how it is written.

    `ledger` tables are small and written without Spark; `version` rises with every change of the declaration.
    `skipped_by`: the columns whose range each file's statistics keep, so that readers can skip files by them; none: all.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    written: Written
    partitioned_by: tuple[str, ...] = ()
    sorted_by: tuple[str, ...] = ()
    skipped_by: tuple[str, ...] = ()
    ledger: bool = False
    version: int = 1

    def __post_init__(self) -> None:
        missing = {*self.key, *self.partitioned_by, *self.sorted_by, *self.skipped_by} - set(self.column_names)
        if missing:
            raise TableError(f"table {self.name}: key or partitioning names columns it lacks: {sorted(missing)}")

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """The schema as Spark DDL."""
        return ", ".join(f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'}" for c in self.columns)


_RUN_DATE = Column("run_date", "date", "the day whose run wrote the row; its events end with that day")
_USER = Column("user_id", "string", "the user, as the log writes it")
_ITEM = Column("item_id", "string", "the work, as the log writes it")

EVENTS = Table(
    "events",
    "one behaviour event",
    (
        Column("event_id", "string", "hash of what identifies the event: equal events have equal ids"),
        _USER,
        _ITEM,
        Column(
            "event_type", "string", "view, click, cart, purchase, rating, play, read, like, dislike, skip, interaction"
        ),
        Column("event_ts", "timestamp", "when it happened, UTC; null where the log does not say", nullable=True),
        Column("value", "double", "rating, minutes, hours, amount: whatever the log counts", nullable=True),
        Column("session_id", "string", "the visit it belongs to", nullable=True),
        Column("context", "map<string,string>", "any other column of the log that settings keep", nullable=True),
        Column("source", "string", "the file it came from"),
        Column("event_date", "date", "day of event_ts in settings.timezone; run_date of its ingest where untimed"),
    ),
    key=("event_id",),
    written=Written.INSERT,
    partitioned_by=("event_date",),
    skipped_by=("event_ts",),  # ids lie scattered: their ranges would cost a fifth of the writing and skip nothing
)

REVIEWS = Table(
    "reviews",
    "one review: what somebody wrote of a work",
    (
        Column("review_id", "string", "hash of what identifies the review: equal reviews have equal ids"),
        replace(_USER, nullable=True),
        replace(_ITEM, nullable=True),
        Column("event_ts", "timestamp", "when it was written, UTC; null where the source does not say", nullable=True),
        Column("value", "double", "the rating that goes with it, on the source's scale", nullable=True),
        Column("title", "string", "its headline", nullable=True),
        Column("text", "string", "what was written, without spaces around it"),
        Column("language", "string", "as the source writes it", nullable=True),
        Column("context", "map<string,string>", "any other column that settings or the format keep", nullable=True),
        Column("source", "string", "the file it came from"),
        Column("event_date", "date", "day of event_ts in settings.timezone; run_date of its ingest where untimed"),
    ),
    key=("review_id",),
    written=Written.INSERT,
    partitioned_by=("event_date",),
    skipped_by=("event_ts",),
)

IMPRESSIONS = Table(
    "impressions",
    "one place of a slate that was shown: what stood there, who put it there, and what came of it",
    (
        Column("impression_id", "string", "hash of what identifies the impression: equal ones have equal ids"),
        replace(_USER, nullable=True),
        replace(_ITEM, nullable=True),
        Column("event_ts", "timestamp", "when it was shown, UTC; null where the log does not say", nullable=True),
        Column("position", "int", "its place in the slate; 1 is the top", nullable=True),
        Column("policy", "string", "the policy that chose it, as the log names it", nullable=True),
        Column("propensity", "double", "probability with which the policy put it there, in (0, 1]", nullable=True),
        Column("reward", "double", "what came of it, such as 1 clicked and 0 not"),
        Column("session_id", "string", "the slate or visit it belongs to", nullable=True),
        Column(
            "context", "map<string,string>", "features of the user and any other column that is kept", nullable=True
        ),
        Column("source", "string", "the file it came from"),
        Column("event_date", "date", "day of event_ts in settings.timezone; run_date of its ingest where untimed"),
    ),
    key=("impression_id",),
    written=Written.INSERT,
    partitioned_by=("event_date",),
    skipped_by=("event_ts",),
)

REJECTED_EVENTS = Table(
    "rejected_events",
    "one refused row of the input, with all that is needed to find it again",
    (
        _RUN_DATE,
        Column("source", "string", "the file it lies in"),
        Column("row_hash", "string", "hash of what it was read as, file, raw text and occurrence"),
        Column("raw", "string", "the row as it was read"),
        Column("rule", "string", "the rule that it broke"),
        Column("field", "string", "the column that broke it", nullable=True),
        Column("value", "string", "what stood there", nullable=True),
    ),
    key=("run_date", "source", "row_hash"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
)

INGESTED_FILES = Table(
    "ingested_files",
    "one file of the input that has been taken in, known by its content",
    (
        Column("content_id", "string", "checksum of the file's bytes: the same file is never taken twice"),
        Column("path", "string", "where it lay"),
        Column("kind", "string", "events, reviews, impressions, items or users"),
        _RUN_DATE,
        Column("bytes", "bigint", "its size"),
        Column("rows_read", "bigint", "rows read = accepted + rejected + duplicate"),
        Column("rows_accepted", "bigint", "rows that became rows of that kind"),
        Column("rows_rejected", "bigint", "rows that broke a rule"),
        Column("rows_duplicate", "bigint", "rows equal to another one, here or in an earlier file"),
    ),
    key=("content_id", "kind"),
    written=Written.UPSERT,
    ledger=True,
)

_VALID_FROM = Column("valid_from", "date", "first run_date for which the row holds")
_VALID_TO = Column("valid_to", "date", "first run_date for which it holds no longer; null while it does", nullable=True)

ITEMS = Table(
    "items",
    "what was known of a work for a span of time",
    (
        _ITEM,
        Column("title", "string", "its title", nullable=True),
        Column("category", "string", "film, album, game, book, …", nullable=True),
        Column("creator_id", "string", "who made it", nullable=True),
        Column("tags", "array<string>", "genres and tags, sorted", nullable=True),
        Column("description", "string", "a text about it", nullable=True),
        Column("price", "double", "price in the shop's currency", nullable=True),
        Column("released", "date", "day of its release; it is not recommended before", nullable=True),
        Column("available", "boolean", "whether it can be recommended; null counts as yes", nullable=True),
        _VALID_FROM,
        _VALID_TO,
    ),
    key=("item_id", "valid_from"),
    written=Written.UPSERT,
)

USERS = Table(
    "users",
    "what was known of a user for a span of time",
    (
        _USER,
        Column("age_band", "string", "such as 25-34", nullable=True),
        Column("gender", "string", "as the source writes it", nullable=True),
        Column("country", "string", "as the source writes it", nullable=True),
        Column("occupation", "string", "as the source writes it", nullable=True),
        Column("consent", "boolean", "whether the user agreed to be profiled; null: not asked", nullable=True),
        Column("joined", "date", "day of the account's creation", nullable=True),
        _VALID_FROM,
        _VALID_TO,
    ),
    key=("user_id", "valid_from"),
    written=Written.UPSERT,
)

INTERACTIONS = Table(
    "interactions",
    "what a user has had to do with a work, before the run's cutoff",
    (
        _RUN_DATE,
        _USER,
        _ITEM,
        Column("strength", "double", "how much was wanted: weighted, decayed, capped events; 0 where only refused"),
        Column("negative", "double", "the same for dislikes, low ratings and skips, kept apart"),
        Column("events", "bigint", "events counted"),
        Column("seen", "boolean", "whether the user has consumed it, so that it is not recommended again"),
        Column("first_ts", "timestamp", "first event", nullable=True),
        Column("last_ts", "timestamp", "last event", nullable=True),
        Column(
            "event_types",
            "array<string>",
            "types of the events, each once, in the order of the alphabet; null where the log has a single type",
            nullable=True,
        ),
    ),
    key=("run_date", "user_id", "item_id"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
    sorted_by=("user_id",),
    version=2,
)


def _feature_columns(features: tuple[Feature, ...]) -> tuple[Column, ...]:
    types = {"number": "double", "category": "string"}
    return tuple(Column(one.name, types[one.kind], f"{one.meaning} ({one.window})", nullable=True) for one in features)


USER_FEATURES = Table(
    "user_features",
    "what is known of a user before the run's cutoff; docs/features.md says how it is meant",
    (_RUN_DATE, _USER, *_feature_columns(OF_USERS)),
    key=("run_date", "user_id"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
    sorted_by=("user_id",),
    skipped_by=("user_id",),
)

ITEM_FEATURES = Table(
    "item_features",
    "what is known of a work before the run's cutoff, so that nights can be compared; docs/features.md says how it is meant",
    (_RUN_DATE, _ITEM, *_feature_columns(OF_ITEMS)),
    key=("run_date", "item_id"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
    sorted_by=("item_id",),
    skipped_by=("item_id",),
)

CANDIDATES = Table(
    "candidates",
    "a work that one source proposes for a user",
    (
        _RUN_DATE,
        _USER,
        _ITEM,
        Column("source", "string", "the model that proposes it: als, popular_in_segment, popular, …"),
        Column("score", "double", "the model's score, rounded to 6 digits; comparable within a user and source only"),
        Column("rank", "int", "1 is best, within user and source"),
        Column("reason", "string", "why, in a word: because_of:ITEM, popular_in:SEGMENT, popular"),
    ),
    key=("run_date", "user_id", "item_id", "source"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
)

RECOMMENDATIONS = Table(
    "recommendations",
    "one place in a user's list",
    (
        _RUN_DATE,
        _USER,
        Column("rank", "int", "1 is the top of the list"),
        _ITEM,
        Column("score", "double", "what the order was made from; never rises with the rank"),
        Column("model_version", "string", "the models behind the list"),
        Column("reason", "string", "why, in a word: because_of:ITEM, popular_in:SEGMENT, popular"),
        Column("source", "string", "the model that proposed it"),
        Column("fallback_tier", "int", "0 personalised, 1 popular in the user's segment, 2 popular"),
        Column("propensity", "double", "probability with which this item was put here; 1 where nothing is random"),
        Column("arm", "string", "arm of an experiment; null where none runs", nullable=True),
    ),
    key=("run_date", "user_id", "rank"),
    written=Written.REPLACE_RUN_DATE,
    partitioned_by=("run_date",),
    sorted_by=("user_id", "rank"),
)

METRICS = Table(
    "metrics",
    "one measured figure",
    (
        Column("run_id", "string", "the run that measured it"),
        _RUN_DATE,
        Column("stage", "string", "the stage that measured it"),
        Column("model", "string", "what was measured: recommendations, popular, the difference of the two, or a count"),
        Column("metric", "string", "recall, precision, ndcg, hit_rate, map, mrr, coverage, …"),
        Column(
            "k",
            "int",
            "length of the list's head; of …_of_top_percent, the percentage of the items; 0 where it has none",
        ),
        Column("segment", "string", "the users it is about, such as country=FR; null: all of them", nullable=True),
        Column("value", "double", "the figure; null where it could not be measured", nullable=True),
        Column("low", "double", "lower end of the 95 % confidence interval", nullable=True),
        Column("high", "double", "upper end of the 95 % confidence interval", nullable=True),
        Column(
            "p_value",
            "double",
            "of a difference: how often chance alone would give one as large, corrected for the number of differences",
            nullable=True,
        ),
        Column("users", "bigint", "users over whom it was averaged", nullable=True),
    ),
    key=("run_date", "stage", "model", "metric", "k", "segment"),
    written=Written.REPLACE_RUN_DATE,
    ledger=True,
    version=2,
)

RUNS = Table(
    "runs",
    "one stage of one run",
    (
        Column("run_id", "string", "the run"),
        _RUN_DATE,
        Column("stage", "string", "the stage"),
        Column("status", "string", "running, done, failed or refused"),
        Column("started_at", "timestamp", "UTC"),
        Column("ended_at", "timestamp", "UTC; null while it runs", nullable=True),
        Column("seconds", "double", "wall seconds", nullable=True),
        Column("spark_jobs", "int", "Spark jobs that it started", nullable=True),
        Column("settings_id", "string", "hash of the settings that the stage reads"),
        Column("input_versions", "string", "JSON: table → version that was read"),
        Column("output_versions", "string", "JSON: table → version that was written", nullable=True),
        Column("rows_written", "string", "JSON: table → rows", nullable=True),
        Column("exit_code", "int", "0 done, 1 failed, 2 wrong input or settings, 3 refused", nullable=True),
        Column("message", "string", "the error, or what the stage has to say", nullable=True),
    ),
    key=("run_id", "stage"),
    written=Written.UPSERT,
    ledger=True,
)

STAGE_COSTS = Table(
    "stage_costs",
    "what one stage of one run cost, by Spark's own accounts",
    (
        Column("run_id", "string", "the run"),
        _RUN_DATE,
        Column("stage", "string", "the stage"),
        Column("started_at", "timestamp", "UTC; a stage that failed has a row for each attempt"),
        Column("application_id", "string", "the Spark application it ran in, as YARN and the history server name it"),
        Column("seconds", "double", "wall seconds"),
        Column("spark_jobs", "int", "Spark jobs that it started"),
        Column("spark_stages", "int", "Spark stages that ran, retries counted; those whose result was there are not"),
        Column("tasks", "bigint", "tasks that were done"),
        Column("failed_tasks", "bigint", "attempts at tasks that failed"),
        Column("executor_seconds", "double", "seconds of all tasks together"),
        Column("cpu_seconds", "double", "of these, seconds of CPU in the JVM; Python workers' are not in it"),
        Column("gc_seconds", "double", "of executor_seconds, those in which the JVM collected garbage"),
        Column("input_bytes", "bigint", "bytes read from files"),
        Column("output_bytes", "bigint", "bytes written to files"),
        Column("shuffle_read_bytes", "bigint", "bytes read from other tasks"),
        Column("shuffle_written_bytes", "bigint", "bytes written for other tasks"),
        Column("spilled_bytes", "bigint", "bytes put on disk because memory did not suffice"),
        Column(
            "driver_heap_bytes", "bigint", "most heap of the driver's JVM: the peaks of its parts added up, so at most"
        ),
        Column("driver_heap_limit_bytes", "bigint", "heap that the driver's JVM may take"),
        Column("driver_python_bytes", "bigint", "most resident memory of the driver's Python process", nullable=True),
        Column(
            "executor_heap_bytes",
            "bigint",
            "most heap of an executor's JVM in the samples (spark.executor.metrics.pollingInterval); null: no sample",
            nullable=True,
        ),
        Column("executor_heap_limit_bytes", "bigint", "heap that an executor's JVM may take"),
        Column(
            "executor_python_bytes",
            "bigint",
            "most resident memory of an executor's Python workers in the samples; null unless "
            "spark.executor.processTreeMetrics.enabled is true",
            nullable=True,
        ),
        Column(
            "executor_rss_bytes",
            "bigint",
            "most resident memory of an executor, JVM, Python and others added up, so at most; null as before",
            nullable=True,
        ),
        Column(
            "executor_limit_bytes",
            "bigint",
            "memory above which YARN or Kubernetes kills an executor; null where nobody does",
            nullable=True,
        ),
        Column(
            "complete",
            "boolean",
            "false where Spark had forgotten, or not yet entered, some of its jobs: the sums are too low",
        ),
    ),
    key=("run_id", "stage", "started_at"),
    written=Written.INSERT,
    ledger=True,
)

MODELS = Table(
    "models",
    "one fitted model",
    (
        _RUN_DATE,
        Column("name", "string", "als, popular, …"),
        Column("model_version", "string", "name, run_date and a hash of settings and inputs"),
        Column("path", "string", "folder of the model, relative to the warehouse"),
        Column("run_id", "string", "the run that fitted it"),
        Column("metadata", "string", "JSON: parameters, sizes, what was fitted on"),
    ),
    key=("run_date", "name"),
    written=Written.REPLACE_RUN_DATE,
    ledger=True,
)

PUBLICATIONS = Table(
    "publications",
    "one change of the live table: a publication or a rollback; the newest row is what is live",
    (
        Column("published_at", "timestamp", "UTC"),
        Column("publication_id", "string", "names this change"),
        Column("export", "string", "folder of its Parquet files below live/.exports"),
        Column("action", "string", "publish or rollback"),
        _RUN_DATE,
        Column("run_id", "string", "the run whose lists are live"),
        Column("table_version", "bigint", "version of the table recommendations that is live"),
        Column("rows", "bigint", "rows in the live lists"),
        Column("users", "bigint", "users with a list"),
    ),
    key=("publication_id",),
    written=Written.INSERT,
    ledger=True,
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS,
        REVIEWS,
        IMPRESSIONS,
        REJECTED_EVENTS,
        INGESTED_FILES,
        ITEMS,
        USERS,
        INTERACTIONS,
        USER_FEATURES,
        ITEM_FEATURES,
        CANDIDATES,
        RECOMMENDATIONS,
        METRICS,
        RUNS,
        STAGE_COSTS,
        MODELS,
        PUBLICATIONS,
    )
}


def table(name: str) -> Table:
    """The declaration of a table. Raises TableError for a name that is not declared."""
    if name not in TABLES:
        raise TableError(unknown_name("table", name, TABLES))
    return TABLES[name]
