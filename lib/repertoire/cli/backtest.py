"""`repertoire backtest`: how good models' lists would have been, on a log or on a warehouse."""

import json
import tempfile
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, Warehouse, parse_date, parse_lengths, settings_of_trial
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    import datetime as dt

    from pyspark.sql import SparkSession

    from repertoire.settings import Settings
    from repertoire.tuning.backtest import Backtest, BacktestResult


def backtest(
    events: Annotated[
        str | None, typer.Argument(help="A log, as of `recommend`; without it, the events of the warehouse.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model to try; several are compared. Default: the settings'.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", help="One of the models: give differences from it, too. Always from popularity."),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="global_time, leave_last, user_hash or auto: evaluation.split.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="Days that global_time holds back.")] = None,
    windows: Annotated[
        int, typer.Option("--windows", help="Cutoffs of global_time, one before the other, --days apart.")
    ] = 1,
    truth: Annotated[
        str | None, typer.Option("--truth", help="File: user_id, item_id. Learn from all events, judge by this.")
    ] = None,
    items: Annotated[
        str | None, typer.Option("--items", help="Catalogue: for content, diversity and miscalibration.")
    ] = None,
    users: Annotated[str | None, typer.Option("--users", help="Accounts, for --by and popularity in segments.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Columns of users whose values are given apart.")] = None,
    k: Annotated[str | None, typer.Option("--k", help="Lengths of the list's head, such as 5,10,20.")] = None,
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="The day as of which is tried; default: the log's last.")
    ] = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Hold back what is known, recommend without it, and measure the lists by it, beside popularity.

    Nothing is published, and a warehouse is only read. Each --model is tried with the settings given; differences are
    paired by user, with intervals.
    """
    with explained(debug=debug):
        from repertoire.cli.quick_start import als_in_java, quickly_started
        from repertoire.cli.sessions import lazy_session
        from repertoire.errors import SettingsError

        shortcuts: dict[str, object] = {
            "run__warehouse": warehouse,
            "evaluation__split": split,
            "evaluation__holdout_days": days,
            "evaluation__k": parse_lengths(k) if k else None,
            "evaluation__by": by.split(",") if by else None,
        }
        settings = settings_of_trial(env, set_, events, items, users, **shortcuts)
        if unknown := [name for name in against or [] if name not in (model or [])]:
            raise SettingsError(f"--against {unknown[0]}: it takes one of the models that are tried by --model")
        if windows < 1:
            raise SettingsError(f"--windows takes a positive number, received {windows}")
        if windows > 1 and (truth or settings.evaluation.split not in ("auto", "global_time")):
            raise SettingsError(
                "--windows moves the cutoff of global_time; it cannot go with --truth or another --split"
            )
        day = parse_date(run_date, "--run-date") if run_date else None
        if events is not None:
            settings = quickly_started(
                settings, events, java_computes=als_in_java(settings, model or settings.candidates.models)
            )
        with lazy_session(settings, app="repertoire backtest", debug=debug) as session:
            results = _results(
                session(), settings, model or [], against or [], day, truth, windows, from_log=events is not None
            )
        if as_json:
            print(json.dumps([asdict(result) for result in results], indent=1))
        else:
            _print(results)


def _results(
    spark: "SparkSession",
    settings: "Settings",
    models: list[str],
    against: list[str],
    day: "dt.date | None",
    truth: str | None,
    windows: int,
    *,
    from_log: bool,
) -> "list[BacktestResult]":
    from repertoire.evaluation.truth_file import read_truth
    from repertoire.pipeline.backtest_inputs import backtest_of_log, backtest_of_warehouse
    from repertoire.tuning.backtest import rolling_backtests

    with tempfile.TemporaryDirectory(prefix="repertoire-backtest-") as scratch:
        judged = read_truth(spark, truth, lambda frame: frame).relevant if truth else None
        build = backtest_of_log if from_log else backtest_of_warehouse
        asked: Backtest = build(spark, settings, models, day, scratch, judged)
        return rolling_backtests(replace(asked, against=against), windows)


def _print(results: "list[BacktestResult]") -> None:
    from rich.console import Console

    from repertoire.cli.measurements import print_measurements

    console = Console(highlight=False)
    for result in results:
        users: Any = max((one.users for one in result.measurements), default=0)
        console.print(f"[bold]{result.split}[/bold]: {users:,} users")
        if result.measurements:
            print_measurements(console, result.measurements)
        else:
            console.print("nothing to measure there: no user turned to anything new, or nothing was known before")
