"""Computes a frame once, into a scratch folder, so that what is read twice is not parsed twice."""

import re
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame

from repertoire.errors import InputError
from repertoire.events.input_files import display_path, root_cause
from repertoire.events.read_rows import FILE
from repertoire.vocabulary import EVENT_TYPE, POLICY

_UNREADABLE = re.compile(r"\[FAILED_READ_FILE\S*\] .*?reading file (\S+?)\.?\s")

# The file is read once or twice and thrown away: dictionaries of ids and statistics would cost more than they save.
_QUICK = {
    "compression": "snappy",
    "parquet.column.statistics.enabled": "false",
    "parquet.enable.dictionary": "false",
    **{f"parquet.enable.dictionary#{name}": "true" for name in (FILE, EVENT_TYPE, POLICY)},  # long, and few of them
}


def materialise(frame: DataFrame, path: str) -> DataFrame:
    """Writes the frame to `path` as Parquet and reads it back.

    Raises InputError, naming the file, if one of the files behind it cannot be read to its end.
    """
    try:
        frame.write.mode("overwrite").options(**_QUICK).parquet(path)
    except Py4JJavaError as error:
        unreadable = _UNREADABLE.search(str(error.java_exception.getMessage()) + "\n")
        if unreadable is None:
            raise
        file = display_path(unquote(unreadable[1]))
        cut_off = f"{file} cannot be read to its end"
        advice = "Nothing was written. Is the file whole? Put a whole one in its place, or move it away."
        raise InputError(f"{cut_off}: {root_cause(error)}. {advice}", in_logs=f"{cut_off}. {advice}") from None
    return frame.sparkSession.read.schema(frame.schema).parquet(path)
