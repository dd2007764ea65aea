"""Settings of `maintain_tables`."""

from pydantic import Field, field_validator, model_validator

from repertoire.errors import unknown_name
from repertoire.settings.section import Section
from repertoire.tables import TABLES

# A file of ingested_files that was forgotten would be taken in again; publications say what a rollback can go back to.
_NEVER_BY_AGE = ("ingested_files", "publications")
DATED = tuple(
    table.name
    for table in TABLES.values()
    if {"run_date", "event_date"} & set(table.column_names) and table.name not in _NEVER_BY_AGE
)
"""Tables that can lose rows by age: those whose rows have a run_date or an event_date."""


class MaintenanceSettings(Section):
    """How long rows and files are kept, when small files are put together, and the names in the catalogue."""

    keep_run_dates: int | None = Field(
        90, ge=1, description="days that the tables of a run_date and its models are kept; null: for ever"
    )
    keep_days: dict[str, int | None] = Field(
        {},
        description="table: days, in place of that; only here are events, reviews and impressions (by event_date), "
        "metrics and runs given an age at which they go",
    )
    keep_publications: int = Field(
        10, ge=2, description="newest publications that a rollback can go back to, however old they are"
    )
    keep_reruns: int = Field(
        14, ge=0, description="days for which a run done again without --inputs latest finds the versions it read"
    )
    keep_files: int = Field(
        7,
        ge=1,
        description="days that files stay after no row of them is current; longer than the longest run or query",
    )
    small_file_mb: float = Field(32, gt=0, description="two or more files of a day below this size are put together")
    target_file_mb: float = Field(128, gt=0, description="size of a file that is made of small ones")
    sort_at_most_mb: float = Field(
        2048, ge=0, description="days of sorted tables up to this size are sorted anew when files are put together"
    )
    catalog_database: str = Field(
        "", pattern=r"^\w*$", description="database of Spark's catalogue in which the tables get names; empty: none"
    )

    @field_validator("keep_days")
    @classmethod
    def _known(cls, keep_days: dict[str, int | None]) -> dict[str, int | None]:
        for name, days in keep_days.items():
            if name not in DATED:
                raise ValueError(unknown_name("table whose rows have an age", name, DATED))
            if days is not None and days < 1:
                raise ValueError(f"{name}: {days} days; at least 1, or null for ever")
        return keep_days

    @model_validator(mode="after")
    def _sizes(self) -> "MaintenanceSettings":
        if self.small_file_mb > self.target_file_mb:
            raise ValueError(
                f"small_file_mb ({self.small_file_mb:g}) must not be above target_file_mb ({self.target_file_mb:g})"
            )
        return self

    def days_of(self, table: str) -> int | None:
        """Days that the rows of a table are kept; None: for ever."""
        if table in self.keep_days or table not in DATED:
            return self.keep_days.get(table)
        declared = TABLES[table]
        by_run = declared.partitioned_by == ("run_date",) or table == "models"
        return self.keep_run_dates if by_run else None
