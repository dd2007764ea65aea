"""`repertoire demo`: the whole job on a generated catalogue, or on a MovieLens folder, and what came out."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from repertoire.cli.options import Debug, Env, Set
from repertoire.cli.outcome import explained
from repertoire.ranking.reason_in_words import reason_in_words

if TYPE_CHECKING:
    from repertoire.pipeline.ledger import Entry
    from repertoire.settings import Settings
    from repertoire.store import Warehouse

_MARK = ".repertoire-demo"


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="A MovieLens folder instead of a generated catalogue.")
    ] = None,
    keep: Annotated[Path, typer.Option("--keep", help="Folder for data and warehouse; made anew.")] = Path(
        "repertoire-demo"
    ),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the generated catalogue.")] = 7,
    env: Env = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """Run the whole job on a small catalogue and show what came out of it."""
    with explained(debug=debug):
        from repertoire.errors import InputError

        if data is not None and not data.is_dir():
            raise InputError(f"--data {data} is no folder; it takes a folder with MovieLens files, such as ml-100k/")
        _make_anew(keep)
        _demo(data, keep, seed, env, set_ or [], debug=debug)


def _demo(data: Path | None, keep: Path, seed: int, env: str | None, given: list[str], *, debug: bool) -> None:
    from repertoire.cli.quick_start import als_in_java, quickly_started
    from repertoire.cli.sessions import lazy_session
    from repertoire.cli.terminal import progress_for
    from repertoire.pipeline.lease import utc_now
    from repertoire.pipeline.runner import Runner, RunOptions
    from repertoire.pipeline.stages import STAGES
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse
    from repertoire.tables import EVENTS

    console = Console(highlight=False)
    values: dict[str, dict[str, Any]] = {"run": {"warehouse": str(keep / "warehouse")}}
    run_date: dt.date | None = None
    if data is None:
        from repertoire.demo import generate

        made = generate(keep / "data", seed=seed)
        console.print(
            f"Generated {made.rows['items']:,} works, {made.rows['users']:,} people and {made.rows['events']:,} rows "
            f"of events, some of them dirty, in {keep / 'data'}"
        )
        values["ingest"] = {"events": str(made.events), "items": str(made.items), "users": str(made.users)}
        run_date = made.last_day
    else:
        values["ingest"] = {"events": str(data), "format": "movielens"}
    settings: Settings = load_settings(env=env, values=values, overrides=given)
    settings = quickly_started(
        settings, settings.ingest.events, java_computes=als_in_java(settings, settings.candidates.models)
    )
    with lazy_session(settings, app="repertoire demo", debug=debug) as session:
        warehouse = open_warehouse(settings.run.warehouse)
        runner = Runner(warehouse, settings, STAGES, progress_for(Console(stderr=True)), session)
        runner.check(RunOptions(run_date=run_date or utc_now().date()))
        ingested = runner.run(RunOptions(run_date=run_date or utc_now().date(), last="ingest_events"))
        run_date = run_date or max(warehouse.tables.event_dates(EVENTS))
        runner.run(RunOptions(run_date=run_date, first="build_features"))
    _show_counts(console, warehouse, ingested)
    _show_metrics(console, warehouse, run_date)
    for user_id in _three_people(warehouse, run_date):
        _show_person(console, warehouse, user_id)
    live = warehouse.folder("live", "recommendations")
    console.print("\n[bold]The table[/bold], for any reader of Parquet:")
    console.print(f"  import pandas\n  pandas.read_parquet({live!r})", soft_wrap=True)
    console.print(f"All of it as one page: repertoire report --warehouse {warehouse.root}", soft_wrap=True)
    console.print(f"One more person: repertoire show user ID --warehouse {warehouse.root}", soft_wrap=True)


def _make_anew(folder: Path) -> None:
    """Removes what an earlier demo left. Raises InputError for a folder that is somebody else's."""
    from repertoire.errors import InputError

    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise InputError(f"--keep {folder} holds something else than a demo. Name another folder, or empty it.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()


def _show_counts(console: Console, warehouse: "Warehouse", ingested: "list[Entry]") -> None:
    from repertoire.tables import REJECTED_EVENTS

    console.print("\n[bold]What came in[/bold]")
    for line in (ingested[-1].message or "").splitlines():
        console.print(f"  {line}")
    rejected = warehouse.tables.rows(REJECTED_EVENTS).to_pylist()
    if rejected:
        table = Table("rule", "field", "value", "the row", box=None, header_style="bold")
        seen: set[str] = set()
        for row in rejected:
            if row["rule"] not in seen:
                seen.add(row["rule"])
                table.add_row(row["rule"], row["field"] or "", row["value"] or "", row["raw"])
        console.print("  refused rows are kept in rejected_events, such as:")
        console.print(table)


def _show_metrics(console: Console, warehouse: "Warehouse", run_date: dt.date) -> None:
    from repertoire.tables import METRICS

    where = [("run_date", "=", run_date), ("stage", "=", "evaluate_offline")]
    rows = warehouse.tables.rows(METRICS, where=where).to_pylist()
    by_model = {(row["model"], row["metric"], row["k"]): row for row in rows if row["segment"] is None}
    console.print("\n[bold]Is it any good?[/bold] The last week held back, beside popularity (95 % intervals)")
    table = Table("metric", "recommendations", "popular", "difference", box=None, header_style="bold")
    shown = [(metric, 10) for metric in ("ndcg", "recall", "precision", "hit_rate", "map", "mrr", "coverage")]
    for metric, k in shown:
        cells = [
            by_model.get((model, metric, k)) for model in ("recommendations", "popular", "recommendations - popular")
        ]
        table.add_row(f"{metric}@{k}", *[_with_interval(cell) for cell in cells])
    console.print(table)


def _with_interval(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return ""
    bounds = "" if row["low"] is None else f" ± {(row['high'] - row['low']) / 2:.4f}"
    return f"{row['value']:.4f}{bounds}"


def _three_people(warehouse: "Warehouse", run_date: dt.date) -> Iterator[str]:
    """Three people with a personal list and some history, whose favourite categories differ where that is possible."""
    from repertoire.pipeline.look_up import titles_and_categories
    from repertoire.tables import INTERACTIONS, RECOMMENDATIONS

    heads = warehouse.tables.rows(
        RECOMMENDATIONS, where=[("run_date", "=", run_date), ("rank", "=", 1), ("fallback_tier", "=", 0)]
    )
    users = sorted(heads.column("user_id").to_pylist())[:200]
    where = [("run_date", "=", run_date), ("user_id", "in", users)]
    pairs = warehouse.tables.rows(INTERACTIONS, where=where).select(["user_id", "item_id", "strength"]).to_pylist()
    _, categories = titles_and_categories(warehouse, {row["item_id"] for row in pairs}, run_date)
    weights: dict[str, dict[str | None, float]] = {}
    sizes: dict[str, int] = dict.fromkeys(users, 0)
    for row in pairs:
        by_category = weights.setdefault(row["user_id"], {})
        category = categories.get(row["item_id"])
        by_category[category] = by_category.get(category, 0.0) + row["strength"]
        sizes[row["user_id"]] += 1
    lively = [user for user in users if 10 <= sizes[user] <= 100] or users  # neither newcomers nor robots
    favourite = {user: max(weights[user].items(), key=lambda pair: pair[1])[0] for user in lively if user in weights}
    chosen: list[str] = []
    for user in favourite:
        if len(chosen) < 3 and favourite[user] not in {favourite[other] for other in chosen}:
            chosen.append(user)
    chosen += [user for user in favourite if user not in chosen][: 3 - len(chosen)]
    yield from chosen


def _show_person(console: Console, warehouse: "Warehouse", user_id: str) -> None:
    from repertoire.pipeline.look_up import look_up_user

    found = look_up_user(warehouse, user_id, history=4)
    attributes = [str(found["attributes"][key]) for key in ("age_band", "country") if found["attributes"].get(key)]
    console.print(f"\n[bold]{user_id}[/bold] {', '.join(attributes)}")
    liked = ", ".join(str(row["title"] or row["item_id"]) for row in found["history"])
    console.print(f"  liked {liked}, and {max(0, found['works'] - 4)} more")
    for row in found["list"][:5]:
        why = reason_in_words(row["reason"], found["titles"])
        console.print(f"  {row['rank']}. {row['title'] or row['item_id']}  [dim]{why}[/dim]")
