"""Computes a frame once, into a folder, so that what is read more than once is not computed again."""

from pyspark.sql import DataFrame


def materialise(frame: DataFrame, folder: str) -> DataFrame:
    """Writes the frame as Parquet, in place of what lay there, and reads it back in its schema."""
    frame.write.mode("overwrite").parquet(folder)
    return frame.sparkSession.read.schema(frame.schema).parquet(folder)
