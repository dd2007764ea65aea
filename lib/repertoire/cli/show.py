"""`repertoire show user|item ID`: what the live tables say of one user or work. Without Spark."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as RichTable

from repertoire.cli.options import AsJson, Debug, Env, Set, Warehouse, overrides
from repertoire.cli.outcome import explained
from repertoire.errors import InputError
from repertoire.ranking.reason_in_words import reason_in_words
from repertoire.vocabulary import TIER_WORDS

app = typer.Typer(help="What the live tables say of one user or one work.", no_args_is_help=True)


@app.command("user")
def user(
    user_id: Annotated[str, typer.Argument(help="The user, as the log writes it.")],
    history: Annotated[int, typer.Option("--history", help="Newest so many works of the history.")] = 10,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a user's history, list, reasons and tiers."""
    with explained(debug=debug):
        from repertoire.pipeline.look_up import look_up_user

        found = look_up_user(open_for_reading(env, overrides(set_, run__warehouse=warehouse)), user_id, history)
        if as_json:
            print(json.dumps(found, default=str, indent=1))
            return
        console = Console()
        attributes = ", ".join(f"{key} {value}" for key, value in found["attributes"].items() if value is not None)
        console.print(f"[bold]{user_id}[/bold] {attributes}", highlight=False)
        console.print(f"\nHistory: {found['works']} works, strongest and newest first", highlight=False)
        _print(console, found["history"], ("title", "item_id", "strength", "negative", "events", "last_ts"))
        console.print(f"\nList of {found['run_date']}", highlight=False)
        lines = [row | {"why": reason_in_words(row["reason"], found["titles"])} for row in found["list"]]
        lines = [row | {"tier": TIER_WORDS[row["fallback_tier"]]} for row in lines]
        _print(console, lines, ("rank", "title", "item_id", "score", "why", "tier"))


@app.command("item")
def item(
    item_id: Annotated[str, typer.Argument(help="The work, as the log writes it.")],
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a work's attributes, how many had to do with it, and in how many lists it stands."""
    with explained(debug=debug):
        from repertoire.pipeline.look_up import look_up_item

        found = look_up_item(open_for_reading(env, overrides(set_, run__warehouse=warehouse)), item_id)
        if as_json:
            print(json.dumps(found, default=str, indent=1))
            return
        for key, value in found.items():
            if value not in (None, []):
                print(f"{key.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")


def open_for_reading(env: str | None, given: list[str], session: Any = None) -> Any:
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse
    from repertoire.tables import RUNS

    warehouse = open_warehouse(load_settings(env=env, overrides=given).run.warehouse, session)
    if warehouse.tables.version(RUNS) is None:
        raise InputError(
            f"no warehouse at {warehouse.root}: nothing has run in it. --warehouse or run.warehouse names another folder"
        )
    return warehouse


def _print(console: Console, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    shown = [name for name in columns if any(row.get(name) is not None for row in rows)]
    table = RichTable(*shown, box=None, header_style="bold")
    for row in rows:
        table.add_row(*[_text(row.get(name)) for name in shown])
    console.print(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d"))
    return str(value)
