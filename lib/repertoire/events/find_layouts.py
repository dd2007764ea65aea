"""Finds the layouts of files.

On the driver, from a file's name and its first (Parquet: last) bytes, so that no pass over the data is needed and
files whose columns differ can lie in one folder.
"""

import ast
import contextlib
import csv
import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from repertoire.errors import InputError
from repertoire.events.formats.known_file import Holds, KnownFile
from repertoire.events.formats.registry import (
    FORMATS,
    possible,
    with_any_header,
    with_header,
    with_json_keys,
    without_header,
)
from repertoire.events.input_files import InputFile, read_head, read_tail
from repertoire.events.layout import Layout
from repertoire.settings import IngestSettings

ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
"""Endings of names by which the format is known; those of text may be followed by .gz."""

HEAD = 1 << 16
"""Bytes of a text file that are looked at."""

_DELIMITERS = {"csv": ",", "tsv": "\t"}


def group_by_layout(
    spark: SparkSession, files: Sequence[InputFile], settings: IngestSettings, wanted: Sequence[str], holds: Holds
) -> list[tuple[Layout, list[InputFile]]]:
    """The layouts of the files, each with its files, in the order of the files. Files without a byte are left out.

    wanted: columns of JSON Lines to read even where the first rows do not have them. holds: what is looked for in them.
    Raises InputError for a name whose format is not known, and for a file that is not what its name says.
    """
    groups: dict[Layout, list[InputFile]] = {}
    keys: dict[KnownFile | None, dict[str, None]] = {}
    for file in files:
        if file.bytes == 0:
            continue
        layout = _layout(spark, file, settings, holds)
        if layout is None:
            continue
        if layout.format == "jsonl":
            keys.setdefault(layout.known, {}).update(dict.fromkeys([*layout.columns, *wanted]))
        groups.setdefault(replace(layout, columns=()) if layout.format == "jsonl" else layout, []).append(file)
    return [
        (replace(layout, columns=tuple(keys[layout.known])) if layout.format == "jsonl" else layout, members)
        for layout, members in groups.items()
    ]


def format_by_name(file: InputFile) -> str | None:
    """csv, tsv, jsonl or parquet, or None where the name does not say."""
    name = file.name.lower()
    text = name.removesuffix(".gz")
    for ending, found in ENDINGS.items():
        if text.endswith(ending) and (text == name or found != "parquet"):
            return found
    return None


def _layout(spark: SparkSession, file: InputFile, settings: IngestSettings, holds: Holds) -> Layout | None:
    known = possible(settings.format, holds, file)
    told = without_header(known)
    if told is not None:
        return _layout_of_known(spark, file, told, settings.format)
    by_name = with_any_header(known)
    plain = settings.format == "auto" or settings.format in FORMATS
    found = format_by_name(file) if plain else settings.format
    if found is None and by_name is not None:
        found = "csv"
    if found is None:
        raise InputError(
            f"{file.path}: its name does not say what format it has. Allowed endings: {', '.join(ENDINGS)}, those of text "
            "also with .gz. Rename it, move it away, or name the format of all files with --set ingest.format=csv."
        )
    folder_columns = _folder_columns(file)
    if found == "parquet":
        names, types = _parquet_columns(spark, file)
        return Layout("parquet", names, types, tuple(name for name in folder_columns if name not in names))
    head = _text_head(spark, file)
    if found == "jsonl":
        keys = tuple(_json_keys(head, file))
        told = with_json_keys(known, keys)
        # What the format is known to have is read even where the first rows lack it.
        more = [*told.mapped.values(), *told.kept] if told else []
        return Layout("jsonl", tuple(dict.fromkeys([*keys, *more])), folder_columns=folder_columns, known=told)
    delimiter = settings.delimiter or (by_name.delimiter if by_name else _DELIMITERS[found])
    columns, multiline = _delimited_columns(head, delimiter)
    if not columns:
        return None
    return Layout(
        "delimited",
        columns,
        folder_columns=folder_columns,
        delimiter=delimiter,
        multiline=multiline,
        known=with_header(known, columns),
    )


def _layout_of_known(spark: SparkSession, file: InputFile, known: KnownFile, format_name: str) -> Layout:
    """A layout that the name alone tells, but for a header line, which some copies have."""
    if known.shape == "adjacency":
        return Layout("adjacency", known.columns, header=False, known=known)
    first = read_head(spark, file, HEAD).decode(known.encoding, errors="replace").split("\n", 1)[0]
    delimiter = known.other_delimiter if known.other_delimiter and known.other_delimiter in first else known.delimiter
    given = [field.strip() for field in first.rstrip("\r").split(delimiter)]
    is_quoted = known.quote and known.quote in first
    if len(given) != len(known.columns) and not is_quoted:
        what = known.names[0] if known.names else format_name
        raise InputError(
            f"{file.path}: its first line has {len(given)} fields, and {what} as it was published has "
            f"{len(known.columns)}: {', '.join(known.columns)}."
        )
    return Layout(
        "delimited",
        known.columns,
        delimiter=delimiter,
        quote=known.quote,
        header=not given[0].isdigit(),
        encoding=known.encoding,
        known=known,
    )


def _text_head(spark: SparkSession, file: InputFile) -> str:
    head = read_head(spark, file, HEAD)
    if b"\x00" in head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"{file.path} is not text in UTF-8 (it holds null bytes, as UTF-16, archives and tables of office programs do). "
            "Allowed: CSV, TSV and JSON Lines in UTF-8, plain or gzip'd under a name that ends in .gz."
        )
    return head.decode("utf-8-sig", errors="replace")


def _delimited_columns(head: str, delimiter: str) -> tuple[tuple[str, ...], bool]:
    """The names in the header line, and whether rows were seen that go over several lines as RFC 4180 allows."""
    columns: tuple[str, ...] = ()
    multiline = False
    lines = io.StringIO(head, newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 0
    try:
        for record in reader:
            spans, line = reader.line_num - line, reader.line_num
            if not record or record == [""]:
                continue
            if not columns:
                columns = tuple(name.strip() for name in record)
            if spans > 1 and len(record) == len(columns):
                multiline = True
                break
    except csv.Error:  # a stray quote, or the head ends inside quotes: from here on it proves nothing
        pass
    if not columns and head.strip():
        first = next(text for text in head.splitlines() if text.strip())
        columns = tuple(name.strip().strip('"') for name in first.split(delimiter))
    return columns, multiline


def _json_keys(head: str, file: InputFile) -> Iterable[str]:
    if head.lstrip().startswith("["):
        raise InputError(
            f"{file.path} begins with a JSON array. Allowed: JSON Lines, one object on each line. "
            f"Convert it, for example with: jq -c '.[]' {file.name} > {file.name}l"
        )
    keys: dict[str, None] = {}
    for line in re.split(r"\r\n|\r|\n", head):  # as Spark does; a text may hold Unicode's other ends of lines
        row = _json_row(line)
        if isinstance(row, Mapping):
            keys.update(dict.fromkeys(name for name in row if isinstance(name, str)))
    return keys


def _json_row(line: str) -> object:
    """What stands on a line; as Spark does, single quotes are taken for double ones. None where nothing can be read."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        pass
    if line.startswith("{'"):
        with (
            warnings.catch_warnings(),
            contextlib.suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError),
        ):
            warnings.simplefilter("ignore")  # of a backslash that escapes nothing
            return ast.literal_eval(line)
    return None


def _folder_columns(file: InputFile) -> tuple[str, ...]:
    """Names of the columns that Spark and Hive write into the path, outermost first."""
    parts = file.below.split("/")[:-1]
    return tuple(part.split("=", 1)[0] for part in parts if "=" in part and not part.startswith("="))


def _parquet_columns(spark: SparkSession, file: InputFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and types of the columns that are not nested, and of lists of text, from the file's footer."""
    tail = read_tail(spark, file, HEAD)
    size = int.from_bytes(tail[-8:-4], "little") + 8
    if tail[-4:] != b"PAR1" or size > file.bytes:
        raise InputError(f"{file.path} is not a whole Parquet file: it does not end as one. Was its writing cut off?")
    if size > len(tail):
        tail = read_tail(spark, file, size)
    try:
        schema = pq.read_metadata(pa.BufferReader(b"PAR1" + tail[-size:])).schema
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file.path} is not a Parquet file that can be read: {error}.") from None
    columns = [schema.column(n) for n in range(len(schema))]
    flat = [(column.name, _spark_type(column)) for column in columns if column.path == column.name]
    lists = [re.fullmatch(r"([^.]+)\.list\.(element|item)", column.path) for column in columns]
    flat += [
        (found[1], "array<string>")
        for found, column in zip(lists, columns, strict=True)
        if found and _spark_type(column) == "string"
    ]
    return tuple(name for name, _ in flat), tuple(kind for _, kind in flat)


def _spark_type(column: pq.ColumnSchema) -> str:
    """The Spark SQL type in which a column can be read, by the format's table of physical and logical types."""
    logical = json.loads(column.logical_type.to_json())
    kind = logical.get("Type", "None")
    if kind == "Timestamp":
        zone = "" if logical["isAdjustedToUTC"] else "_ntz"
        return ("nanos" if logical["timeUnit"] == "nanoseconds" else "timestamp") + zone
    if kind == "Decimal":
        return f"decimal({logical['precision']},{logical['scale']})"
    if kind == "Int" and not logical["isSigned"] and logical["bitWidth"] >= 32:
        return "bigint" if logical["bitWidth"] == 32 else "decimal(20,0)"
    if kind == "Date":
        return "date"
    return {
        "BOOLEAN": "boolean",
        "INT32": "int",
        "INT64": "bigint",
        "INT96": "timestamp",
        "FLOAT": "float",
        "DOUBLE": "double",
        "BYTE_ARRAY": "string",
    }.get(column.physical_type, "binary")
