"""`repertoire tune`: settings of models, sought on what a log or a warehouse holds back."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, Warehouse, parse_date, settings_of_trial
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    from repertoire.tuning.tune import TuneResult, TuneTrial

_MARK = "# Settings found by `repertoire tune`"
_SHOWN = 10


def tune(
    events: Annotated[
        str | None, typer.Argument(help="A log, as of `recommend`; without it, the events of the warehouse.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model whose settings are sought. Default: the settings'.")
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", help="Trials of each model, its settings as they are included.")
    ] = 20,
    budget: Annotated[
        float | None, typer.Option("--budget", help="Begin no trial after so many seconds. Default: no limit.")
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", help="What is to be high: ndcg, recall, … @ a length.")
    ] = "ndcg@10",
    split: Annotated[
        str | None, typer.Option("--split", help="global_time, leave_last, user_hash or auto: evaluation.split.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help="Days that global_time holds back.")] = None,
    truth: Annotated[
        str | None, typer.Option("--truth", help="File: user_id, item_id. Learn from all events, judge by this.")
    ] = None,
    items: Annotated[str | None, typer.Option("--items", help="Catalogue, for models that learn from it.")] = None,
    users: Annotated[str | None, typer.Option("--users", help="Accounts, for popularity in segments.")] = None,
    run_date: Annotated[
        str | None, typer.Option("--run-date", help="The day as of which is tried; default: the log's last.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the best settings as an overlay, such as conf/tuned.yaml.")
    ] = None,
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Search a model's settings for those whose lists are best on what is held back.

    Nothing is published, and a warehouse is only read. Ctrl-C ends the search and shows what was found so far.
    """
    with explained(debug=debug):
        from repertoire.cli.out_file import check_out, write_out
        from repertoire.cli.sessions import lazy_session
        from repertoire.evaluation.truth_file import read_truth
        from repertoire.pipeline.backtest_inputs import backtest_of_log, backtest_of_warehouse, tuning_of
        from repertoire.tuning.tune import Bounds, Metric, check_searchable
        from repertoire.tuning.tune import tune as search

        shortcuts = {"run__warehouse": warehouse, "evaluation__split": split, "evaluation__holdout_days": days}
        settings = settings_of_trial(env, set_, events, items, users, **shortcuts)
        bounds, wanted = Bounds(trials, budget), Metric.of(metric)
        models = model or settings.candidates.models
        check_searchable(models, settings.candidates)
        if out is not None:
            check_out(out, _MARK, "overlay.yaml")
        day = parse_date(run_date, "--run-date") if run_date else None
        with (
            tempfile.TemporaryDirectory(prefix="repertoire-tune-") as scratch,
            lazy_session(settings, app="repertoire tune", debug=debug) as session,
        ):
            spark = session()
            judged = read_truth(spark, truth, lambda frame: frame).relevant if truth else None
            build = backtest_of_log if events is not None else backtest_of_warehouse
            asked = tuning_of(build(spark, settings, [], day, scratch, judged), settings, models)
            found = search(asked, wanted, bounds, tell=_line, came=lambda one: _line(_told(one, wanted.name, wanted.k)))
        if found.trials and out is not None:
            write_out(out, _overlay(found).encode())
        if as_json:
            print(json.dumps(_as_json(found), indent=1))
        elif found.trials:
            _print(found, out)
        if found.interrupted:
            _line(
                "interrupted: these are the trials that had ended"
                if found.trials
                else "interrupted before the first trial ended"
            )
            raise typer.Exit(1)


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(trial: "TuneTrial", name: str, k: int) -> str:
    """A trial in a line."""
    value = f"{trial.model} {trial.number}: {name}@{k} {trial.value.value or 0:.4f}"
    difference = f" ({_signed(trial)})" if trial.difference else ""
    return f"{value}{difference}, {trial.seconds:.1f} s: {_words(trial.settings)}"


def _signed(trial: "TuneTrial") -> str:
    return "" if trial.difference is None or trial.difference.value is None else f"{trial.difference.value:+.4f}"


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items()) or "settings as they are"


def _print(found: "TuneResult", out: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 240
    best = found.best
    console.print(f"[bold]{found.split}[/bold]: {best.value.users:,} users, {len(found.trials)} trials")
    table = Table(
        "model", "trial", str(found.metric), "difference", "p", "seconds", "settings", box=None, header_style="bold"
    )
    for trial in _shown(found):
        p_value = found.p_value(trial)
        table.add_row(
            trial.model,
            str(trial.number),
            f"{trial.value.value or 0:.4f}{_interval(trial.value.low, trial.value.high, '.4f')}",
            _signed(trial)
            + (_interval(trial.difference.low, trial.difference.high, "+.4f") if trial.difference else ""),
            "" if p_value is None else f"{p_value:.3f}",
            f"{trial.seconds:.1f}",
            _words(trial.settings),
        )
    console.print(table)
    console.print(
        "In brackets: 95 % intervals, by resampling users. difference: from the model's trial 0, paired by user; p: how often "
        "chance alone would give one as large, corrected for the number of trials.",
        style="dim",
    )
    if best.number == 0:
        console.print(f"Best: {best.model} with its settings as they are. Nothing needs to be set.")
    else:
        console.print(f"Best: {best.model}, trial {best.number}.")
    if found.is_noise(best):
        console.print(
            "[yellow]The gain is within noise[/yellow]: with so few users, or so small a difference, it may be chance. "
            "Stay with the settings as they are, or hold more back."
        )
    elif best.number:
        console.print(
            "It was chosen for being the highest, so expect a little less of it on what comes next.", style="dim"
        )
    flags = " ".join(f"--set {text}" for text in _flags(found.overlay(best)))
    console.print(f"Use it: {flags}", soft_wrap=True, markup=False)
    if out is not None:
        console.print(f"or {_use(out)}", soft_wrap=True, markup=False)


def _shown(found: "TuneResult") -> "list[TuneTrial]":
    """The best trials, best first, and every trial 0."""
    ordered = sorted(found.trials, key=lambda one: -(one.value.value or 0))
    return [one for place, one in enumerate(ordered) if place < _SHOWN or one.number == 0]


def _interval(low: float | None, high: float | None, digits: str) -> str:
    return "" if low is None or high is None else f" \\[{low:{digits}}, {high:{digits}}]"


def _flags(tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What --set takes, a setting each; quoted for a shell where need be."""
    import shlex

    for name, value in tree.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            yield from _flags(value, here)
        else:
            yield shlex.quote(f"{here}={json.dumps(value)}".replace('"', ""))


def _use(out: Path) -> str:
    """How an overlay is taken: by its name where it lies in the conf folder."""
    return f"--env {out.stem} where {out.name} lies in conf/ (--env local,{out.stem} after another)"


def _overlay(found: "TuneResult") -> str:
    import yaml

    best = found.best
    words = [
        f"{_MARK}: {best.model}, trial {best.number} of {len(found.trials)}; {found.metric} {best.value.value or 0:.4f} of "
        f"{best.value.users:,} users.",
        f"# Judged by: {found.split}.",
        *(["# The gain over the settings as they were may be chance."] if found.is_noise(best) else []),
    ]
    return "\n".join([*words, "", yaml.safe_dump(found.overlay(best), sort_keys=False)])


def _as_json(found: "TuneResult") -> dict[str, Any]:
    best = found.best if found.trials else None
    return {
        "split": found.split,
        "metric": str(found.metric),
        "interrupted": found.interrupted,
        "trials": [
            {
                "model": one.model,
                "trial": one.number,
                "settings": dict(one.settings),
                "value": one.value.value,
                "low": one.value.low,
                "high": one.value.high,
                "users": one.value.users,
                "difference": one.difference.value if one.difference else None,
                "difference_low": one.difference.low if one.difference else None,
                "difference_high": one.difference.high if one.difference else None,
                "p_value": found.p_value(one),
                "seconds": round(one.seconds, 2),
            }
            for one in found.trials
        ],
        "best": None
        if best is None
        else {
            "model": best.model,
            "trial": best.number,
            "within_noise": found.is_noise(best),
            "overlay": found.overlay(best),
        },
    }
