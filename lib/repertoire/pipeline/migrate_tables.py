"""Stage beside the nightly chain: tables that an older version of Repertoire made become those of this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from repertoire.pipeline.ledger import MIGRATE_TABLES
from repertoire.pipeline.stage import Inputs, Outputs, RunContext, Stage
from repertoire.store import Warehouse
from repertoire.store.migrations import MIGRATIONS, Migration, needs_rewriting, steps
from repertoire.store.rewriting import migrate
from repertoire.tables import TABLES, Table


@dataclass(frozen=True)
class Behind:
    """A table of an older version, and the steps to the declared one."""

    table: Table
    version: int
    steps: tuple[Migration, ...]

    def __str__(self) -> str:
        about = "; ".join(step.about for step in self.steps)
        how = "its rows are rewritten" if needs_rewriting(self.steps) else "columns are added, no row is rewritten"
        return f"{self.table.name}: version {self.version} to {self.table.version} ({about}): {how}"


def behind(
    warehouse: Warehouse,
    declared: Sequence[Table] = tuple(TABLES.values()),
    migrations: Sequence[Migration] = MIGRATIONS,
) -> list[Behind]:
    """The tables that are there in an older version. Raises TableVersionError where one is of a newer version, or a way
    is not known."""
    found = []
    for table in declared:
        version = warehouse.tables.made_version(table)
        if version is not None and (taken := steps(table, version, migrations)):
            found.append(Behind(table, version, tuple(taken)))
    return found


def run(inputs: Inputs, settings: SimpleNamespace, context: RunContext) -> Outputs:
    assert context.tended is not None
    warehouse = context.tended.warehouse
    found = behind(warehouse)
    for one in found:
        context.tended.check()
        rows = migrate(warehouse.tables, one.table, one.steps)
        context.say(f"{one}; {rows:,} rows")
    if not found:
        context.say("every table is of this version")
    return Outputs()


STAGE = Stage(
    name=MIGRATE_TABLES,
    about="tables that an older version made become those of this one",
    run=run,
    tends_warehouse=True,
)
