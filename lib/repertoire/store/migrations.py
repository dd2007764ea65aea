"""How a table that an older version of Repertoire made becomes one of this version: a step for each version between.

A change that only adds columns which may be null needs no rows rewritten: such steps are taken by themselves when the
table is next written. A step with a `rewrite` waits for `repertoire migrate`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from repertoire.errors import TableVersionError
from repertoire.tables import Table


@dataclass(frozen=True)
class Migration:
    """One step of one table: from version `to` - 1 to version `to`.

    about: what changes, in words. rewrite: a batch of rows of the older version to those of the newer, a pure function
    that looks at no other row. None: the newer version has further columns, null in the rows that are there.
    The table `runs` can only have these: a migration is itself written there.
    """

    table: str
    to: int
    about: str
    rewrite: Callable[[pa.Table], pa.Table] | None = None


MIGRATIONS: tuple[Migration, ...] = (
    Migration("metrics", 2, "figures may be about a group of users (segment) and carry a p-value"),
    Migration("interactions", 2, "pairs tell the types of their events (event_types)"),
)


def steps(table: Table, version: int, migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    """The steps from a version of a table to the declared one, in order; none where it is that version.

    Raises TableVersionError for a newer version than the declared one, and where a step is missing.
    """
    if version > table.version:
        raise TableVersionError(
            f"table {table.name} was written by a newer Repertoire: it has version {version}, and this one knows "
            f"{table.version} at most. Nothing was written. Install that Repertoire again, or a newer one."
        )
    known = {step.to: step for step in migrations if step.table == table.name}
    missing = [to for to in range(version + 1, table.version + 1) if to not in known]
    if missing:
        raise TableVersionError(
            f"table {table.name} has version {version}; this Repertoire knows no way from version {missing[0] - 1} to "
            f"{missing[0]}. Nothing was written. Install a version between the two first, or ingest into a new warehouse."
        )
    return [known[to] for to in range(version + 1, table.version + 1)]


def needs_rewriting(taken: Sequence[Migration]) -> bool:
    return any(step.rewrite is not None for step in taken)
