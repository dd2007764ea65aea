"""Options that mean the same in every command."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from repertoire.errors import SettingsError

if TYPE_CHECKING:
    from repertoire.settings import Settings

Env = Annotated[
    str | None,
    typer.Option("--env", help="Overlay of settings: local for conf/local.yaml, cluster, …; several with commas."),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as candidates.als.rank=32.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and Spark's own log.")]
Warehouse = Annotated[
    str | None, typer.Option("--warehouse", help="Folder of the tables: short for --set run.warehouse=…")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def parse_date(text: str, option: str) -> dt.date:
    """A day as YYYY-MM-DD. Raises SettingsError otherwise."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f'{option}: "{text}" is not a date; write it as YYYY-MM-DD, such as 2026-03-01') from None


def overrides(given: list[str] | None, **shortcuts: object) -> list[str]:
    """The texts of --set, then those of options that are short for a setting; `__` in a name stands for a dot."""
    short = [f"{name.replace('__', '.')}={value}" for name, value in shortcuts.items() if value is not None]
    return [*(given or []), *short]


def settings_of_trial(
    env: str | None,
    given: list[str] | None,
    events: str | None,
    items: str | None,
    users: str | None,
    **shortcuts: object,
) -> "Settings":
    """The settings of a command that tries models on a log, or without `events` on a warehouse.

    Raises SettingsError for them, and for a catalogue or accounts beside a warehouse's own.
    """
    from repertoire.settings import load_settings

    if events is None and (items or users):
        raise SettingsError("--items and --users go with a log; a warehouse has its own")
    paths = {"events": events, "items": items, "users": users}
    files = {"ingest": {name: path for name, path in paths.items() if path is not None}}
    return load_settings(env=env, values=files, overrides=overrides(given, **shortcuts))


def parse_lengths(text: str) -> list[int]:
    """Lengths of a list's head, such as 5,10,20. Raises SettingsError otherwise."""
    try:
        lengths = sorted({int(part) for part in text.split(",")})
    except ValueError:
        lengths = []
    if not lengths or lengths[0] < 1:
        raise SettingsError(f'--k takes positive whole numbers with commas between, such as 5,10,20; received "{text}"')
    return lengths
