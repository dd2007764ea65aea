"""The real job on a small generated shop, in this process and in processes that can be killed."""

import datetime as dt
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from repertoire.pipeline.progress import PlainProgress, Progress
from repertoire.pipeline.runner import Runner, RunOptions
from repertoire.pipeline.stages import STAGES
from repertoire.settings import Settings, load_settings
from repertoire.store import Warehouse, open_warehouse
from repertoire.tables import (
    CANDIDATES,
    EVENTS,
    INGESTED_FILES,
    INTERACTIONS,
    ITEM_FEATURES,
    ITEMS,
    METRICS,
    RECOMMENDATIONS,
    REJECTED_EVENTS,
    USER_FEATURES,
    USERS,
    Table,
)

COMPARED = (
    EVENTS,
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
)
SMALL = (
    "candidates.als.rank=8",
    "candidates.als.iterations=3",
    "ranking.top_k=5",
    "evaluation.k=[5, 10]",
    "evaluation.holdout_days=5",
    "spark.shuffle_partitions=2",
    "spark.master=local[2]",
    "spark.driver_memory=1g",
    "spark.java_options=-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
    "ingest.max_rejected_share=0.2",
)


@dataclass(frozen=True)
class Logs:
    """Where a shop's logs lie."""

    events: Path
    items: Path
    users: Path

    def overrides(self, warehouse: Path) -> list[str]:
        return [
            f"ingest.events={self.events}",
            f"ingest.items={self.items}",
            f"ingest.users={self.users}",
            f"run.warehouse={warehouse}",
            *SMALL,
        ]


def settings_for(logs: Logs, warehouse: Path, *more: str) -> Settings:
    return load_settings(overrides=[*logs.overrides(warehouse), *more])


def run_here(
    spark: SparkSession, settings: Settings, run_date: dt.date, progress: Progress | None = None, **options: Any
) -> Warehouse:
    """Runs the whole job on the tests' session."""
    warehouse = open_warehouse(settings.run.warehouse)
    runner = Runner(warehouse, settings, STAGES, progress or PlainProgress(), lambda: spark)
    runner.run(RunOptions(run_date, **options))
    return warehouse


def start_run(overrides: list[str], run_date: dt.date, *, before: str = "") -> "subprocess.Popen[str]":
    """Starts `repertoire run` as a process of its own; `before` is Python that runs in it first."""
    given = [word for text in overrides for word in ("--set", text)]
    arguments = ["run", "--run-date", run_date.isoformat(), *given]
    script = f"{before}\nfrom repertoire.cli.main import app\napp({arguments!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def contents(warehouse: Warehouse, table: Table, *leave_out: str) -> list[tuple[Any, ...]]:
    """All rows of a table in an order of their own, without what differs from run to run."""
    names = [name for name in table.column_names if name not in ("run_id", *leave_out)]
    rows = warehouse.tables.rows(table).select(names).to_pylist()
    return sorted((tuple(_plain(row[name]) for name in names) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list) else value


def live_lists(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """What a reader with pandas sees."""
    import pandas as pd

    frame = pd.read_parquet(Path(warehouse.folder("live", "recommendations")).resolve())
    rows = frame[["run_date", "user_id", "rank", "item_id", "score"]].itertuples(index=False, name=None)
    return sorted(rows, key=repr)
