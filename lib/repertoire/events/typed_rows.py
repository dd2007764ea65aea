"""The way of all files into typed rows: by layout, with their columns mapped and checked, each read once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from repertoire.errors import InputError
from repertoire.events import cells
from repertoire.events.columns import listed, map_columns
from repertoire.events.find_layouts import group_by_layout
from repertoire.events.input_files import InputFile
from repertoire.events.kind import Kind
from repertoire.events.layout import Layout
from repertoire.events.read_rows import RawRows, read_rows
from repertoire.settings import IngestSettings

MakeTyped = Callable[[RawRows, Mapping[str, str]], DataFrame]
"""From raw rows and our columns → the file's to typed rows, each raw row once."""


def typed_rows(
    spark: SparkSession,
    files: Sequence[InputFile],
    settings: IngestSettings,
    kind: Kind,
    make: MakeTyped,
    schema: str,
    kept: Sequence[str] = (),
) -> tuple[DataFrame, list[str]]:
    """All rows of all files in `schema`, which `make` keeps to; and what was assumed about the columns, a line each.

    kept: further columns of the files that `make` reads. Raises InputError where a column cannot be told, or is of a
    type that makes no sense.
    """
    ours = [field.name for field in kind.fields]
    chosen = {name: theirs for name, theirs in settings.columns.items() if name in ours}
    demanded = {name: theirs for name, theirs in chosen.items() if name in kind.demanded}
    groups = group_by_layout(spark, files, settings, [*demanded.values(), *kept], kind.name)
    _check_demanded(groups, demanded)
    frames, notes = [], []
    for layout, members in groups:
        there = {name: theirs for name, theirs in chosen.items() if theirs in layout.names}
        said = {**layout.mapped, **demanded, **there}
        mapped = map_columns(layout.names, kind.fields, said, members[0].path)
        names = dict(mapped.names)
        if layout.format == "jsonl":  # a later row may have what the first ones lack
            more = [name for name in ours if name not in names and name not in said]
            layout = replace(layout, columns=(*layout.columns, *more))
            names |= {name: name for name in more}
        for name, theirs in names.items():
            cells.check_type(layout, theirs, name, kind.meanings[name], members[0].path)
        frames.append(make(read_rows(spark, layout, members, [*names.values(), *kept]), names))
        notes += [f"{_several(members)}: {note}" for note in mapped.notes]
    if not frames:
        return spark.createDataFrame([], schema), notes
    return reduce(DataFrame.unionAll, frames), notes


def _check_demanded(groups: Sequence[tuple[Layout, Sequence[InputFile]]], demanded: Mapping[str, str]) -> None:
    for ours, theirs in demanded.items():
        if groups and all(theirs not in layout.names for layout, _ in groups):
            layout, members = groups[0]
            absent = f'ingest.columns.{ours} names "{theirs}", which no file has. {members[0].path} has: '
            raise InputError(f"{absent}{listed(layout.names)}.", in_logs=f"{absent}{len(layout.names):,} columns.")


def _several(files: Sequence[InputFile]) -> str:
    return files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1:,} more"
