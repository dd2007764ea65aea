"""The live table as plain Parquet, for readers who have neither Spark nor Delta; swapped as a whole."""

from collections.abc import Collection, Sequence

from pyspark.sql import DataFrame

from repertoire.store.files import Files

LIVE = "live/recommendations"
_EXPORTS = "live/.exports"


def export_folder(root: str, export: str) -> str:
    return f"{root}/{_EXPORTS}/{export}"


def write_export(root: str, lists: DataFrame, export: str, *, parts: int, by: Sequence[str]) -> str:
    """Writes lists as Parquet, sorted by the given columns, into a folder that no reader sees yet; gives the folder."""
    folder = export_folder(root, export)
    spread = lists.coalesce(1) if parts == 1 else lists.repartitionByRange(parts, by[0])
    spread.sortWithinPartitions(*by).write.mode("overwrite").parquet(folder)
    return folder


def point_live(files: Files, root: str, folder: str, *, keep: int) -> None:
    """Makes `live/recommendations` show an export, and removes the oldest ones.

    Exports stay for readers that have them open, and so that a rollback needs no Spark: `keep` of them in all.
    """
    shown = folder.rpartition("/")[2]
    files.point(f"{root}/{LIVE}", folder)
    for name in files.names(f"{root}/{_EXPORTS}")[:-keep]:
        if name != shown:
            files.delete(export_folder(root, name))


def exports_of(files: Files, root: str, names: Collection[str]) -> tuple[str, ...]:
    """The folders of the named exports that are still there."""
    return tuple(export_folder(root, name) for name in files.names(f"{root}/{_EXPORTS}") if name in names)
