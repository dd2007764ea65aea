"""Writes small files and reads them as the stage does."""

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from repertoire.events.attributes import read_items, read_users
from repertoire.events.event_kind import EVENT_KIND
from repertoire.events.ingest import LOG_KINDS, read_log
from repertoire.events.input_files import list_files
from repertoire.events.log_kind import LogKind
from repertoire.events.sources import KINDS, find_sources
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
        kind: LogKind = EVENT_KIND,
        timezone: str = "UTC",
        run_date: dt.date = RUN_DATE,
        known: DataFrame | None = None,
        max_rejected_share: float = 1.0,
        log_timezone: str = "UTC",
        **settings: Any,
    ) -> SimpleNamespace:
        folder = tmp_path / f"run{next(runs)}"
        write_files(folder / "in", files)
        found = read_log(
            spark,
            list_files(spark, str(folder / "in")),
            IngestSettings(max_rejected_share=max_rejected_share, timezone=log_timezone, **settings),
            kind,
            run_date=run_date,
            timezone=timezone,
            scratch=str(folder / "scratch"),
            known=known,
        )
        accepted = [row.asDict() for row in found.accepted.collect()]
        rejected = [row.asDict() for row in found.rejected.collect()]
        for counts in found.counts:
            assert counts.read == counts.accepted + counts.rejected + counts.duplicate
        assert len(accepted) == sum(counts.accepted for counts in found.counts)
        assert len(rejected) == sum(counts.rejected for counts in found.counts)
        assert {row["event_date"] for row in accepted} <= found.event_dates
        return SimpleNamespace(
            accepted=sorted(accepted, key=lambda row: (row["user_id"] or "", row["item_id"] or "", row[kind.key])),
            rejected=sorted(rejected, key=lambda row: (row["source"], row["raw"], row["row_hash"])),
            counts={counts.file.name: counts for counts in found.counts},
            notes=found.notes,
            frames=found,
        )

    return run


@pytest.fixture
def read_all(spark: SparkSession, tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """read_all({name: text}, events="", …) → rows of every kind as the stage would take them, refused rows and notes.

    events, reviews, impressions, items, users: where they lie in the folder of the files, "" for all of it. Logs as lists
    of dicts sorted by user and item, items and users as dicts by id.
    """

    def run(files: Files | Path, *, max_rejected_share: float = 1.0, **settings: Any) -> SimpleNamespace:
        folder = files if isinstance(files, Path) else write_files(tmp_path / "in", files)
        places = {kind: str(folder / settings.pop(kind)) for kind in KINDS if kind in settings}
        chosen = IngestSettings(max_rejected_share=max_rejected_share, **places, **settings)
        sources = find_sources(spark, chosen)
        found: dict[str, Any] = {"rejected": [], "notes": [], "counts": []}
        for kind in LOG_KINDS.values():
            scratch = str(tmp_path / "scratch" / kind.name)
            found[kind.name] = []
            if not sources.of_kind(kind.name):
                continue
            log = read_log(
                spark, sources.of_kind(kind.name), chosen, kind, run_date=RUN_DATE, timezone="UTC", scratch=scratch
            )
            rows = [row.asDict() for row in log.accepted.collect()]
            found[kind.name] = sorted(
                rows, key=lambda row: (row["user_id"] or "", row["item_id"] or "", str(row["event_ts"]))
            )
            found["rejected"] += [row.asDict() for row in log.rejected.collect()]
            found["notes"] += log.notes
            found["counts"] += [(c.read, c.accepted, c.rejected, c.duplicate) for c in log.counts]
        for name, key, reader in (("items", "item_id", read_items), ("users", "user_id", read_users)):
            found[name] = {}
            if not sources.of_kind(name):
                continue
            attributes = reader(
                spark, sources.of_kind(name), chosen, run_date=RUN_DATE, scratch=str(tmp_path / "scratch" / name)
            )
            found[name] = {row[key]: row.asDict() for row in attributes.rows.collect()}
            found["rejected"] += [row.asDict() for row in attributes.rejected.collect()]
            found["notes"] += attributes.notes
        return SimpleNamespace(**found)

    return run
