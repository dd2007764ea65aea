"""Reads a table that a user names on the command line, and says in a sentence why it cannot."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from repertoire.errors import InputError

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".json": "json", ".ndjson": "json"}


def read_table(spark: SparkSession, path: str, columns: Iterable[str]) -> DataFrame:
    """A Parquet, CSV, TSV or JSON Lines file (perhaps with .gz), or a folder of files of one of these formats.

    CSV and TSV have a header line. Every column is text, unless the format is Parquet. Raises InputError where the path
    does not exist, holds no files or others, is a Delta table, cannot be read, or lacks one of `columns`.
    """
    with readable(path):
        kind = _format_of(path, spark.read.text(path).inputFiles())
        if _is_delta(spark, path):
            raise InputError(
                f"{path} is a Delta table, whose files hold deleted rows, too. Give an export, such as the folder "
                "live/recommendations."
            )
        match kind:
            case "parquet":
                frame = spark.read.parquet(path)
            case "json":
                frame = spark.read.json(path, primitivesAsString=True)
            case _:
                frame = spark.read.csv(path, header=True, sep="\t" if kind == "tsv" else ",", escape='"')
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        found = ", ".join(frame.columns) or "none"
        raise InputError(f"{path}: no column {', '.join(missing)}. Columns found: {found}.")
    return frame


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Around whatever makes Spark read `path`: turns its errors into an InputError of one line."""
    try:
        yield
    except PySparkException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            raise InputError(f"{path}: there is no such file or folder") from error
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    except Py4JJavaError as error:
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        message = cause.getMessage() or cause.toString()
        raise InputError(f"{path} cannot be read: {message.splitlines()[0]}") from error


def _format_of(path: str, files: list[str]) -> str:
    names = sorted(file.rsplit("/", 1)[-1] for file in files)
    if not names:
        raise InputError(f"{path} is a folder without files")
    endings = {ending for name in names for ending in _FORMATS if name.lower().removesuffix(".gz").endswith(ending)}
    kinds = {_FORMATS[ending] for ending in endings}
    if len(kinds) != 1:
        raise InputError(
            f"{path}: names must say the format, one for all files of a folder. Found {', '.join(names[:3])}. "
            f"Allowed: {', '.join(_FORMATS)}, text also with .gz."
        )
    return kinds.pop()


def _is_delta(spark: SparkSession, path: str) -> bool:
    try:
        return bool(spark.read.text(f"{path.rstrip('/')}/_delta_log").inputFiles())
    except PySparkException:
        return False
