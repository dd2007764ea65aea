"""A three-stage job on the real tables, small enough to follow: numbers in a folder of files are the events."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from repertoire.pipeline.ledger import Entry
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.stage import Inputs, Merge, Outputs, RunContext, Stage
from repertoire.settings import Settings
from repertoire.store import Warehouse, open_warehouse
from repertoire.store.frames import empty_frame
from repertoire.tables import CANDIDATES, EVENTS, INTERACTIONS

DAY = dt.date(2026, 3, 1)


class Recorder:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.left: list[str] = []
        self.words: list[str] = []

    def began(self, run_id: str, run_date: dt.date) -> None:
        pass

    def in_application(self, application_id: str) -> None:
        pass

    def started(self, stage: str, number: int, of: int) -> None:
        self.ran.append(stage)

    def said(self, text: str) -> None:
        self.words.append(text)

    def finished(self, entry: Entry, error: BaseException | None = None) -> None:
        pass

    def skipped(self, stage: str) -> None:
        self.left.append(stage)


def ingest(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    """Each file of the folder is an event of the run's day, named for its item."""
    items = sorted(path.name for path in Path(settings.ingest.events).iterdir())
    rows = [(f"{context.run_date}-{item}", "u1", item, "play", context.run_date) for item in items]
    frame = context.spark.createDataFrame(
        rows, "event_id string, user_id string, item_id string, event_type string, event_date date"
    )
    for name in ("event_ts", "value", "session_id", "context", "source"):
        kind = {column.name: column.type for column in EVENTS.columns}[name]
        frame = frame.withColumn(name, F.lit("toy" if name == "source" else None).cast(kind))
    context.say(f"{len(items)} files")
    return Outputs({EVENTS: Merge(frame, frozenset([context.run_date]))})


def build(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    events = inputs.frame(EVENTS).where(F.col("event_date") <= F.lit(context.run_date))
    counted = events.groupBy("user_id", "item_id").agg(F.count("*").alias("events"))
    return Outputs(
        {
            INTERACTIONS: counted.select(
                F.lit(context.run_date).alias("run_date"),
                "user_id",
                "item_id",
                (F.col("events") * settings.features.max_strength).alias("strength"),
                F.lit(0.0).alias("negative"),
                "events",
                F.lit(None).cast("array<string>").alias("event_types"),
                F.lit(True).alias("seen"),
                F.lit(None).cast("timestamp").alias("first_ts"),
                F.lit(None).cast("timestamp").alias("last_ts"),
            )
        }
    )


def propose(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    pairs = inputs.frame(INTERACTIONS).select("run_date", "user_id", "item_id", F.col("strength").alias("score"))
    by_item = F.row_number().over(_by_item())
    return Outputs(
        {
            CANDIDATES: pairs.withColumn("source", F.lit("toy"))
            .withColumn("rank", by_item)
            .withColumn("reason", F.lit("toy"))
        }
    )


def _by_item():  # type: ignore[no-untyped-def]
    from pyspark.sql import Window

    return Window.partitionBy("user_id").orderBy("item_id")


STAGES = (
    Stage(
        "ingest", "files", ingest, reads_if_there=(EVENTS,), writes=(EVENTS,), settings=("ingest",), takes_files=True
    ),
    Stage("build", "counts", build, reads=(EVENTS,), writes=(INTERACTIONS,), settings=("features",)),
    Stage("propose", "ranks", propose, reads=(INTERACTIONS,), writes=(CANDIDATES,)),
)


class Shop:
    """A warehouse, a folder of files that become events, and a runner of the toy job."""

    def __init__(self, folder: Path, spark: SparkSession) -> None:
        self.spark = spark
        self.inbox = folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self.warehouse: Warehouse = open_warehouse(str(folder / "warehouse"))
        self.settings = Settings.model_validate({"ingest": {"events": str(self.inbox)}})
        self.stages: tuple[Stage, ...] = STAGES

    def receives(self, *items: str) -> None:
        for item in items:
            (self.inbox / item).touch()

    def run(self, day: dt.date = DAY, **options: object) -> Recorder:
        recorder = Recorder()
        runner = Runner(self.warehouse, self.settings, self.stages, recorder, lambda: self.spark)
        runner.run(RunOptions(day, **options))  # type: ignore[arg-type]
        return recorder

    def replace_stage(self, name: str, run: Callable[[Inputs, SimpleNamespace, RunContext], Outputs]) -> None:
        self.stages = tuple(replace(stage, run=run) if stage.name == name else stage for stage in self.stages)

    def candidates(self, day: dt.date = DAY) -> list[tuple[str, float]]:
        rows = self.warehouse.tables.rows(CANDIDATES, where=[("run_date", "=", day)]).to_pylist()
        return sorted((row["item_id"], row["score"]) for row in rows)

    def empty(self, table):  # type: ignore[no-untyped-def]
        return empty_frame(self.spark, table)
