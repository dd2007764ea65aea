"""`repertoire recommend`: the same stages without a warehouse, from a file to a file."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from repertoire.cli.options import Debug, Env, Set
from repertoire.cli.out_table import Made, check_out_table, is_single, write_out_table
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from repertoire.settings import Settings

COLUMNS = ("user_id", "rank", "item_id", "score", "source", "reason")
MADE = Made("recommend", "a recommendation table", lambda names: tuple(names) == COLUMNS)


def recommend(
    events: Annotated[str, typer.Argument(help="File or folder: user_id, item_id [, event_type, event_ts, value].")],
    out: Annotated[Path, typer.Option("--out", help="Where the table goes: a folder, or a file ending in .parquet.")],
    items: Annotated[
        str | None, typer.Option("--items", help="Catalogue: item_id, title, tags, …; content learns from it.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="als, ials, ease, item_knn, two_stage, …; see the docs.")
    ] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Length of a list.")] = None,
    users: Annotated[str | None, typer.Option("--users", help="File with user_id: only these users get lists.")] = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Show what the user has consumed, too.")] = False,
    env: Env = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """From a log to a recommendation table: user_id, rank, item_id, score, source, reason."""
    with explained(debug=debug):
        from repertoire.cli.quick_start import als_in_java, quickly_started
        from repertoire.settings import load_settings, with_model

        ingest: dict[str, object] = {
            "events": events,
            "items": items or "",
            "users": "",
            "reviews": "",
            "impressions": "",
        }
        values: dict[str, dict[str, object]] = {"ingest": ingest}
        if top_k is not None:
            values["ranking"] = {"top_k": top_k}
        if include_seen:
            values.setdefault("candidates", {})["include_seen"] = True
        if users:
            values.setdefault("candidates", {})["users"] = users
        settings = load_settings(env=env, values=values, overrides=set_ or [])
        if model:
            settings = with_model(settings, model)
        check_out_table(out, MADE)
        parent = out.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        # What is written on the way lies beside the answer, so that the answer's last step is a rename on one disk.
        folder = Path(tempfile.mkdtemp(prefix=".repertoire-", dir=parent))
        try:
            own = settings.model_copy(update={"run": settings.run.model_copy(update={"warehouse": str(folder)})})
            quick = quickly_started(own, events, java_computes=als_in_java(own, own.candidates.models))
            _recommend(quick, out, folder, debug=debug)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _recommend(settings: "Settings", out: Path, folder: Path, *, debug: bool) -> None:
    from repertoire.cli.sessions import lazy_session
    from repertoire.cli.terminal import progress_for
    from repertoire.pipeline.lease import utc_now
    from repertoire.pipeline.one_shot import check, recommend_once

    console = Console(stderr=True)
    check(settings)

    def write(lists: "DataFrame") -> str:
        ordered = lists.select(*COLUMNS)
        spread = ordered.coalesce(1) if is_single(out) else ordered
        return _told(write_out_table(spread.sortWithinPartitions("user_id", "rank"), out, folder / "out", MADE))

    with lazy_session(settings, app="repertoire recommend", debug=debug) as session:
        recommend_once(settings, session, f"{folder}/scratch", utc_now().date(), progress_for(console), write)
    console.print(f"Read {out}: pandas.read_parquet({str(out)!r})", highlight=False, soft_wrap=True)


def _told(files: list[Path]) -> str:
    """Rows, lists, and from which source their places were filled."""
    import pyarrow.parquet as pq

    lists, places = 0, Counter[str]()
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(columns=["rank", "source"]):
            lists += int((batch.column("rank").to_numpy() == 1).sum())
            places.update(
                {found["values"]: found["counts"] for found in batch.column("source").value_counts().to_pylist()}
            )
    rows = places.total()
    shares = ", ".join(f"{count / rows:.1%} {source}" for source, count in places.most_common())
    return f"{rows:,} rows, {lists:,} lists; places: {shares}" if rows else "no rows: there is nothing to propose"
