"""Writes small files and reads them as the stage does."""

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.events.ingest import read_events
from repertoire.events.input_files import list_files
from repertoire.settings import IngestSettings

RUN_DATE = dt.date(2024, 6, 1)

Files = dict[str, str | bytes]


def write_files(folder: Path, files: Files) -> Path:
    """Writes each text or bytes under its name; a name that ends in .gz gets packed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") and isinstance(content, str) else data)
    return folder


@pytest.fixture
def ingest(spark: SparkSession, tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """ingest({name: text}, **settings) → accepted and rejected as sorted lists of dicts, counts by file name, notes."""
    runs = iter(range(1000))

    def run(
        files: Files,
        *,
        timezone: str = "UTC",
        run_date: dt.date = RUN_DATE,
        known: DataFrame | None = None,
        max_rejected_share: float = 1.0,
        log_timezone: str = "UTC",
        **settings: Any,
    ) -> SimpleNamespace:
        folder = tmp_path / f"run{next(runs)}"
        write_files(folder / "in", files)
        found = read_events(
            spark,
            list_files(spark, str(folder / "in")),
            IngestSettings(max_rejected_share=max_rejected_share, timezone=log_timezone, **settings),
            run_date=run_date,
            timezone=timezone,
            scratch=str(folder / "scratch"),
            known_event_ids=known,
        )
        accepted = [row.asDict() for row in found.accepted.collect()]
        rejected = [row.asDict() for row in found.rejected.collect()]
        for counts in found.counts:
            assert counts.read == counts.accepted + counts.rejected + counts.duplicate
        assert len(accepted) == sum(counts.accepted for counts in found.counts)
        assert len(rejected) == sum(counts.rejected for counts in found.counts)
        assert {row["event_date"] for row in accepted} <= found.event_dates
        return SimpleNamespace(
            accepted=sorted(accepted, key=lambda row: (row["user_id"], row["item_id"], row["event_id"])),
            rejected=sorted(rejected, key=lambda row: (row["source"], row["raw"], row["row_hash"])),
            counts={counts.file.name: counts for counts in found.counts},
            notes=found.notes,
            frames=found,
        )

    return run
