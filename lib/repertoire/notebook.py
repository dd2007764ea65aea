"""Repertoire in a notebook: the same code as the command, from pandas to pandas.

    from repertoire.notebook import recommend
    lists = recommend(plays, model="ials", top_k=10)

Tables come in as a pandas.DataFrame or as the path of a file or folder; column names and formats are those of the command. What
comes back is a pandas.DataFrame, so it must fit in memory. Errors are those of `repertoire.errors`, with the same words.

The active Spark session is used and left as it was. Where there is none, one is started, and stays for the next call, since that
takes seconds; it ends with the notebook, or by `SparkSession.getActiveSession().stop()`.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, TypeAlias

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from repertoire.errors import RepertoireError
from repertoire.evaluation.evaluate_files import evaluate_files
from repertoire.evaluation.measurement import Measurement
from repertoire.evaluation.truth_file import read_truth
from repertoire.pipeline.backtest_inputs import backtest_of_log, tuning_of
from repertoire.pipeline.lease import utc_now
from repertoire.pipeline.one_shot import check, recommend_once
from repertoire.pipeline.progress import PlainProgress
from repertoire.session import start_session
from repertoire.settings import Settings, load_settings, with_model
from repertoire.tuning.backtest import rolling_backtests
from repertoire.tuning.tune import Bounds, Metric, TuneTrial, check_searchable
from repertoire.tuning.tune import tune as search

__all__ = ["Tuned", "backtest", "evaluate", "recommend", "tune"]

Table: TypeAlias = pd.DataFrame | str | PathLike[str]
Say = Callable[[str], None]

_COLUMNS = ("user_id", "rank", "item_id", "score", "source", "reason")
_WHILE_IN_USE = {"spark.sql.session.timeZone": "UTC", "spark.sql.execution.arrow.pyspark.enabled": "true"}


def recommend(
    events: Table,
    model: str = "als",
    top_k: int = 20,
    *,
    items: Table | None = None,
    users: Table | Sequence[str] | None = None,
    include_seen: bool = False,
    settings: Mapping[str, Any] | None = None,
    say: Say | None = None,
) -> pd.DataFrame:
    """What `repertoire recommend` writes: user_id, rank, item_id, score, source, reason, ordered by user and rank.

    events: user_id, item_id, and perhaps event_type, event_ts, value. items: the catalogue. users: ids, or a table with user_id:
    the only ones who get lists. settings: such as {"candidates.ials.rank": 64}. say: takes each line of progress, such as print.
    Raises InputError, SettingsError.
    """
    with _folder() as folder:
        candidates: dict[str, Any] = {"include_seen": include_seen}
        if users is not None:
            listed = (
                users if isinstance(users, pd.DataFrame | str | PathLike) else pd.DataFrame({"user_id": list(users)})
            )
            candidates["users"] = _path(listed, f"{folder}/users.parquet")
        own = {"candidates": candidates, "ranking": {"top_k": top_k}, "run": {"warehouse": folder}}
        read = with_model(_settings(folder, events, items, settings, own), model)
        check(read)
        found: list[pd.DataFrame] = []

        def take(lists: DataFrame) -> str:
            found.append(lists.select(*_COLUMNS).orderBy("user_id", "rank").toPandas())
            return f"{len(found[0]):,} rows"

        with _session(read) as spark:
            recommend_once(read, lambda: spark, f"{folder}/scratch", utc_now().date(), _Lines(say), take)
    return found[0]


def evaluate(
    recommendations: Table,
    truth: Table,
    k: Sequence[int] = (5, 10, 20),
    *,
    against: Table | None = None,
    history: Table | None = None,
    items: Table | None = None,
    catalogue_size: int | None = None,
) -> pd.DataFrame:
    """What `repertoire evaluate` prints, a row a figure: model, metric, k, value, low, high, users, segment, p_value.

    Raises InputError, SettingsError as `evaluate_files`, which says what the tables hold.
    """
    with _folder() as folder, _session(load_settings()) as spark:

        def path(name: str, table: Table | None) -> str | None:
            return None if table is None else _path(table, f"{folder}/{name}.parquet")

        found = evaluate_files(
            spark,
            _path(recommendations, f"{folder}/lists.parquet"),
            _path(truth, f"{folder}/truth.parquet"),
            k,
            against=path("against", against),
            history=path("history", history),
            items=path("items", items),
            catalogue_size=catalogue_size,
        )
    return _frame(found.measurements)


def backtest(
    events: Table,
    model: str | Sequence[str] = "als",
    *,
    items: Table | None = None,
    truth: Table | None = None,
    windows: int = 1,
    settings: Mapping[str, Any] | None = None,
    say: Say | None = None,
) -> pd.DataFrame:
    """What `repertoire backtest` prints, a row a figure as `evaluate` has them, with the column split.

    truth: user_id, item_id to judge by in place of a split. settings: such as {"evaluation.split": "leave_last"}.
    """
    with _folder() as folder:
        read = _settings(folder, events, items, settings, {})
        names = [model] if isinstance(model, str) else list(model)
        with _session(read) as spark:
            _refuse_without_delta(spark)
            judged = _truth(spark, truth, folder)
            asked = backtest_of_log(spark, read, names, None, f"{folder}/scratch", judged, _Lines(say))
            results = rolling_backtests(asked, windows)
    for one in results:
        if not one.measurements:
            (say or _nothing)(f"{one.split}: nothing to measure there")
    frames = [_frame(one.measurements).assign(split=one.split) for one in results]
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Tuned:
    """trials: a row each, as they were made: model, trial, value, low, high, difference, p_value, seconds, settings (a mapping).
    settings: those of the best, as `recommend` takes them; model: its name. within_noise: the gain may be chance."""

    trials: pd.DataFrame
    model: str
    settings: dict[str, Any]
    within_noise: bool


def tune(
    events: Table,
    model: str | Sequence[str] = "als",
    trials: int = 20,
    *,
    budget: float | None = None,
    metric: str = "ndcg@10",
    items: Table | None = None,
    truth: Table | None = None,
    settings: Mapping[str, Any] | None = None,
    say: Say | None = None,
) -> Tuned:
    """What `repertoire tune` finds. budget: no trial begins after so many seconds. Interrupt it to have what was found so far.

    Raises InputError, SettingsError; RepertoireError where it is interrupted before the first trial has ended.
    """
    with _folder() as folder:
        read = _settings(folder, events, items, settings, {})
        names = [model] if isinstance(model, str) else list(model)
        check_searchable(names, read.candidates)
        bounds, wanted, tell = Bounds(trials, budget), Metric.of(metric), say or _nothing
        with _session(read) as spark:
            _refuse_without_delta(spark)
            judged = _truth(spark, truth, folder)
            asked = backtest_of_log(spark, read, [], None, f"{folder}/scratch", judged, _Lines(say))
            found = search(
                tuning_of(asked, read, names), wanted, bounds, tell=tell, came=lambda one: tell(_line(one, metric))
            )
    if not found.trials:
        raise RepertoireError("tune was interrupted before its first trial had ended")
    rows = [
        {
            "model": one.model,
            "trial": one.number,
            "value": one.value.value,
            "low": one.value.low,
            "high": one.value.high,
            "difference": one.difference.value if one.difference else None,
            "p_value": found.p_value(one),
            "seconds": one.seconds,
            "settings": dict(one.settings),
        }
        for one in found.trials
    ]
    best = found.best
    own = found.overlay(best)["candidates"].get(best.model, {})
    flat = {f"candidates.{best.model}.{name}": value for name, value in own.items()}
    return Tuned(pd.DataFrame(rows), best.model, flat, found.is_noise(best))


# ---- what goes in ----------------------------------------------------------------------------------------------------


def _settings(
    folder: str, events: Table, items: Table | None, given: Mapping[str, Any] | None, own: Mapping[str, Any]
) -> Settings:
    """The settings of conf/, then ours, then those that were given. Nothing is read but these tables."""
    ingest = {
        "events": _path(events, f"{folder}/events.parquet"),
        "items": "" if items is None else _path(items, f"{folder}/items.parquet"),
        "users": "",
        "reviews": "",
        "impressions": "",
    }
    tree: dict[str, Any] = {"ingest": ingest}
    for path, value in (*own.items(), *(given or {}).items()):
        _lay(tree, path.split("."), value)
    return load_settings(values=tree)


def _lay(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        tree = tree.setdefault(key, {})
    if isinstance(value, Mapping):
        for key, part in value.items():
            _lay(tree.setdefault(last, {}), key.split("."), part)
    else:
        tree[last] = value


def _path(table: Table, file: str) -> str:
    """Where a table lies: its own path, or a file that it is written to."""
    if not isinstance(table, pd.DataFrame):
        return str(table)
    table.to_parquet(file, index=False, coerce_timestamps="us", allow_truncated_timestamps=True)
    return file


def _truth(spark: SparkSession, truth: Table | None, folder: str) -> DataFrame | None:
    if truth is None:
        return None
    return read_truth(spark, _path(truth, f"{folder}/truth.parquet"), lambda frame: frame).relevant


# ---- what comes out --------------------------------------------------------------------------------------------------


def _frame(measurements: Sequence[Measurement]) -> pd.DataFrame:
    columns = list(Measurement.__dataclass_fields__)
    return pd.DataFrame([asdict(one) for one in measurements], columns=columns)


def _line(trial: TuneTrial, metric: str) -> str:
    return f"{trial.model} {trial.number}: {metric} {trial.value.value or 0:.4f}, {trial.seconds:.1f} s, {dict(trial.settings)}"


class _Lines(PlainProgress):
    """Progress as lines for whoever wants them."""

    def __init__(self, say: Say | None) -> None:
        self._say = say or _nothing

    def _line(self, text: str) -> None:
        self._say(text)


def _nothing(text: str) -> None:
    pass


# ---- Spark -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="repertoire-") as folder:
        yield folder


@contextlib.contextmanager
def _session(settings: Settings) -> Iterator[SparkSession]:
    """The active session, with the settings that we count on for as long as we need them; else one of our own, which stays."""
    active = SparkSession.getActiveSession()
    if active is None:
        yield start_session(settings.spark, app="repertoire notebook")
        return
    before = {key: active.conf.get(key, None) for key in _WHILE_IN_USE}
    try:
        for key, value in _WHILE_IN_USE.items():
            active.conf.set(key, value)
        yield active
    finally:
        for key, old in before.items():
            active.conf.unset(key) if old is None else active.conf.set(key, old)


def _refuse_without_delta(spark: SparkSession) -> None:
    if "DeltaSparkSessionExtension" not in (spark.conf.get("spark.sql.extensions", "") or ""):
        raise RepertoireError(
            "The active Spark session has no Delta, which backtest and tune need. Stop it (spark.stop()), and Repertoire starts "
            "one of its own; or start yours with repertoire.session.start_session."
        )
