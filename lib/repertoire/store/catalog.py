"""Names for the tables in Spark's catalogue, so that SQL finds them; nothing is copied.

`live_recommendations` is the export that readers without Delta have: it is always what was published, and moves with a
publication or a rollback, whoever does that.
"""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from pyspark.sql import SparkSession

from repertoire.errors import SettingsError
from repertoire.store.exports import LIVE
from repertoire.store.warehouse import Warehouse
from repertoire.tables import RECOMMENDATIONS, TABLES

LIVE_NAME = "live_recommendations"


def register(spark: SparkSession, warehouse: Warehouse, database: str) -> Iterator[str]:
    """Makes the database and a name in it for each table that was made and has none yet; says what it did, in lines.

    Raises SettingsError where a name stands for something else, before any name is made.
    """
    spark.sql(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    places = {
        table.name: warehouse.tables.path(table)
        for table in TABLES.values()
        if warehouse.tables.version(table) is not None
    }
    if warehouse.files.exists(warehouse.folder(LIVE)):
        places[LIVE_NAME] = warehouse.folder(LIVE)
    there = {name: _location(spark, database, name) for name in places}
    for name, found in there.items():
        if found is not None and _plain(found) != _plain(places[name]):
            raise SettingsError(
                f"maintenance.catalog_database: {database}.{name} is there already and stands for {found}, not for "
                f"{places[name]}. Drop it, or name another database; it was left as it is."
            )
    new = [name for name, found in there.items() if found is None]
    for name in new:
        if name == LIVE_NAME:
            columns = ", ".join(f"`{c.name}` {c.type} COMMENT '{_quoted(c.meaning)}'" for c in RECOMMENDATIONS.columns)
            comment = "COMMENT 'the lists that are live: one row is a place in a list of a user'"
            spark.sql(
                f"CREATE TABLE `{database}`.`{name}` ({columns}) USING PARQUET {comment} "
                f"LOCATION '{_quoted(places[name])}'"
            )
        else:  # columns and comments come from Delta
            spark.sql(f"CREATE TABLE `{database}`.`{name}` USING DELTA LOCATION '{_quoted(places[name])}'")
    if new:
        yield f"catalogue {database}: named {', '.join(new)}"
    if new and spark.conf.get("spark.sql.catalogImplementation", "in-memory") == "in-memory":
        yield (
            "this session's catalogue lives in memory, so these names end with it: set "
            "spark.sql.catalogImplementation=hive (docs/maintenance.md)"
        )


def _location(spark: SparkSession, database: str, name: str) -> str | None:
    """Where a name's table lies; None where there is no such name."""
    if not spark.catalog.tableExists(f"`{database}`.`{name}`"):
        return None
    rows = spark.sql(f"DESCRIBE TABLE EXTENDED `{database}`.`{name}`").collect()
    about = {row["col_name"]: row["data_type"] for row in rows}
    return str(about.get("Location") or f"a {about.get('Type', 'thing').lower()} without a place of its own")


def _plain(place: str) -> str:
    parts = urlsplit(place)
    scheme = "" if parts.scheme == "file" else parts.scheme
    return f"{scheme}{parts.netloc}{unquote(parts.path)}".rstrip("/")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
