"""Fitted models as folders: a Parquet table each, and metadata.json, written last, without which there is no model."""

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from repertoire.errors import TableError
from repertoire.store.files import Files, read_json

_METADATA = "metadata.json"


def save_model(files: Files, folder: str, tables: Mapping[str, DataFrame], metadata: Mapping[str, Any]) -> None:
    """Writes a model. A folder whose writer died is written anew."""
    files.delete(f"{folder}/{_METADATA}")
    for name, frame in tables.items():
        frame.write.mode("overwrite").parquet(f"{folder}/{name}")
    schemas = {name: frame.schema.jsonValue() for name, frame in tables.items()}
    files.replace(f"{folder}/{_METADATA}", json.dumps({"tables": schemas, **metadata}, indent=1, default=str))


def load_model(spark: SparkSession, files: Files, folder: str) -> tuple[dict[str, DataFrame], dict[str, Any]]:
    """A model's tables and metadata. Raises TableError if the folder holds no whole model."""
    metadata = read_json(files, f"{folder}/{_METADATA}")
    if metadata is None:
        raise TableError(f"no model in {folder}: {_METADATA} is missing. Run the stage that trains it again.")
    schemas = {name: StructType.fromJson(schema) for name, schema in metadata.pop("tables").items()}
    return {name: spark.read.schema(schema).parquet(f"{folder}/{name}") for name, schema in schemas.items()}, metadata
