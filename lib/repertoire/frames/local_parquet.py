"""The Parquet files behind a frame, for readers that are faster on one machine than rows that pass through the JVM."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame


def read_column(files: Sequence[str], column: str) -> pa.ChunkedArray:
    """A column of Parquet files of this machine."""
    return pa.concat_tables([pq.read_table(file, columns=[column]) for file in files]).column(column)


def local_parquet(frame: DataFrame, columns: Sequence[str]) -> list[str] | None:
    """Files on this machine's disk whose rows, all of them and nothing else, are the frame's; None where it is another kind.

    Such a frame was read from Parquet in local mode, and nothing but columns has been chosen since. `columns` are the ones
    that will be read: each stands in the files as it is. Costs some calls into the JVM, no Spark job.
    """
    if not (frame.sparkSession.sparkContext.master or "").startswith("local"):
        return None
    plan = frame._jdf.queryExecution().optimizedPlan()
    while plan.getClass().getSimpleName() == "Project":
        for index in range(plan.projectList().size()):
            chosen = plan.projectList().apply(index)
            if chosen.name() in columns and chosen.getClass().getSimpleName() != "AttributeReference":
                return None
        plan = plan.child()
    if plan.getClass().getSimpleName() != "LogicalRelation":
        return None
    relation = plan.relation()
    if relation.getClass().getSimpleName() != "HadoopFsRelation" or str(relation.fileFormat().toString()) != "Parquet":
        return None
    parts = [urlsplit(uri) for uri in relation.location().inputFiles()]
    files = [unquote(part.path) for part in parts]
    if not files or any(part.scheme != "file" for part in parts) or not all(Path(file).is_file() for file in files):
        return None
    there = [set(pq.read_schema(file).names) for file in files]
    return files if all(set(columns) <= names for names in there) else None
