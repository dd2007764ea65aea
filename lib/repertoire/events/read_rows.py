"""Reads files of one layout into raw rows: every column as it stands in the file, nothing checked, no row lost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from repertoire.events.input_files import InputFile
from repertoire.events.layout import Layout

# Names of the reader's own columns; the file's columns are c0, c1, … by their place, so that no two names can clash.
FILE = "_file"
BLOCK = "_block"
ROW = "_row"
_BROKEN = "_broken"
_TEXT = "_text"
_PARSED = "_parsed"


@dataclass(frozen=True)
class RawRows:
    """Rows as read, with what it takes to understand them.

    frame: the file's columns, `_file` (the uri) and `_block`, `_row`, which order the rows of a file. malformed: rows that
    do not have the columns of their file. raw: the row's text; where the reader does not keep it, it is put together
    again, so ask for it only where it is needed.
    """

    frame: DataFrame
    layout: Layout
    malformed: Column
    raw: Column

    def column(self, name: str) -> Column:
        """A column of the file by its name there."""
        return F.col(f"c{self.layout.names.index(name)}")

    def type(self, name: str) -> str:
        """Its Spark SQL type, or `nanos`, `nanos_ntz`: whole nanoseconds since 1970."""
        place = self.layout.names.index(name)
        return self.layout.types[place] if place < len(self.layout.types) else "string"


def read_rows(spark: SparkSession, layout: Layout, files: Sequence[InputFile], needed: Sequence[str]) -> RawRows:
    """The rows of files of one layout. needed: the columns of Parquet to read (those of text are all there anyway)."""
    reader = {
        "delimited": _read_delimited,
        "adjacency": _read_adjacency,
        "jsonl": _read_json_lines,
        "parquet": _read_parquet,
    }[layout.format]
    return reader(spark, layout, [literally(file) for file in files], needed)


def path_of(files: Sequence[InputFile]) -> Column:
    """The path of the file that a row came from, as `InputFile.path` has it."""
    if len(files) == 1:
        return F.lit(files[0].path)
    path = F.col(FILE)
    if any("%" in file.uri for file in files):
        path = F.try_url_decode(F.replace(path, F.lit("+"), F.lit("%2B")))
    is_local = F.startswith(path, F.lit("file://"))
    return F.when(is_local, F.substr(path, F.lit(len("file://") + 1))).otherwise(path)


def _read_delimited(spark: SparkSession, layout: Layout, locations: list[str], needed: Sequence[str]) -> RawRows:
    """CSV after RFC 4180: a quote inside quotes is doubled. A row with more or fewer fields than the header is kept."""
    fields = [f"c{n}" for n in range(len(layout.columns))]
    schema = ", ".join(f"{name} string" for name in [*fields, _BROKEN])
    rows = (
        spark.read.schema(schema)
        .options(
            sep=layout.delimiter,
            quote=layout.quote,
            escape=layout.quote or "\\",
            header=layout.header,
            enforceSchema=True,
            multiLine=layout.multiline,
            encoding=layout.encoding,
            mode="PERMISSIVE",
            columnNameOfCorruptRecord=_BROKEN,
            maxColumns=max(20480, 2 * len(fields)),
        )
        .csv(locations)
    )
    written = {"sep": layout.delimiter, "emptyValue": "", "ignoreLeadingWhiteSpace": "false"}
    written |= {"ignoreTrailingWhiteSpace": "false", "escape": '"'}
    put_together = F.to_csv(F.struct(*fields), written)
    frame = _with_folder_columns(rows.select(*fields, _BROKEN, *_place()), layout)
    return RawRows(frame, layout, F.col(_BROKEN).isNotNull(), F.coalesce(F.col(_BROKEN), put_together))


def _read_adjacency(spark: SparkSession, layout: Layout, locations: list[str], needed: Sequence[str]) -> RawRows:
    """A row for each of a line's items; for a user without items one without an item. Lines of blanks are no rows."""
    lines = spark.read.text(locations).select(F.trim(F.translate("value", "\t", " ")).alias(_TEXT), *_place())
    words = F.split(_TEXT, " +")
    items = F.explode_outer(F.slice(words, F.lit(2), F.size(words)))
    rows = lines.where(F.col(_TEXT) != "").select(words[0].alias("c0"), items.alias("c1"), FILE, BLOCK, ROW)
    shown = F.concat_ws(" ", "c0", "c1")
    return RawRows(rows, layout, F.lit(False), shown)


def _read_json_lines(spark: SparkSession, layout: Layout, locations: list[str], needed: Sequence[str]) -> RawRows:
    """One object a line; values of any type as their JSON text."""
    lines = spark.read.text(locations).select(F.col("value").alias(_TEXT), *_place())
    names = ", ".join(f"{_quoted(name)} string" for name in layout.columns)
    schema = f"{names}, {_BROKEN} string" if names else f"{_BROKEN} string"
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _BROKEN}
    parsed = lines.where(F.trim(_TEXT) != "").withColumn(_PARSED, F.from_json(_TEXT, schema, options))
    fields = [F.col(_PARSED).getField(name).alias(f"c{n}") for n, name in enumerate(layout.columns)]
    broken = F.col(_PARSED).isNull() | F.col(_PARSED).getField(_BROKEN).isNotNull()
    frame = _with_folder_columns(parsed.select(*fields, broken.alias(_BROKEN), _TEXT, FILE, BLOCK, ROW), layout)
    return RawRows(frame, layout, F.col(_BROKEN), F.col(_TEXT))


def _read_parquet(spark: SparkSession, layout: Layout, locations: list[str], needed: Sequence[str]) -> RawRows:
    """The needed columns in their own types, and the row's number in its file."""
    read = [
        (n, name, kind)
        for n, (name, kind) in enumerate(zip(layout.columns, layout.types, strict=True))
        if name in needed
    ]
    schema = ", ".join(f"{_quoted(name)} {_read_type(kind)}" for _, name, kind in read)
    rows = spark.read.schema(schema).parquet(*locations)
    fields = [F.col(_quoted(name)).alias(f"c{n}") for n, name, _ in read]
    file, row = F.input_file_name().alias(FILE), F.col("_metadata.row_index").alias(ROW)
    frame = _with_folder_columns(rows.select(*fields, file, F.lit(0).cast("bigint").alias(BLOCK), row), layout)
    shown = [F.col(f"c{n}").alias(name) for n, name, _ in read]
    raw = F.to_json(F.struct(F.col(ROW).alias("row_index"), *shown), {"ignoreNullFields": "false"})
    return RawRows(frame, layout, F.lit(False), raw)


def literally(file: InputFile) -> str:
    """The file as a pattern that matches nothing else: Spark takes brackets, braces and stars in a path for one."""
    return re.sub(r"([][{}*?\\])", r"\\\1", file.location)


def _place() -> list[Column]:
    return [
        F.input_file_name().alias(FILE),  # _metadata would be copied into every row
        F.input_file_block_start().alias(BLOCK),
        F.monotonically_increasing_id().alias(ROW),
    ]


def _with_folder_columns(frame: DataFrame, layout: Layout) -> DataFrame:
    """Adds the columns that stand in the path. There %XX is what a path cannot hold, and in a URI the % of it too."""
    found = {}
    for n, name in enumerate(layout.folder_columns, start=len(layout.columns)):
        text = F.regexp_extract(FILE, f"/{re.escape(name)}=([^/]*)/", 1)
        for _ in ("the URI", "Hive"):
            text = F.try_url_decode(F.replace(text, F.lit("+"), F.lit("%2B")))
        found[f"c{n}"] = F.when(text != "__HIVE_DEFAULT_PARTITION__", text)
    return frame.withColumns(found) if found else frame


def _read_type(kind: str) -> str:
    return "bigint" if kind.startswith("nanos") else kind


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
