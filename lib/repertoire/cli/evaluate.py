"""`repertoire evaluate`: metrics of lists against what followed."""

from typing import Annotated

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, overrides, parse_lengths
from repertoire.cli.outcome import explained


def evaluate(
    recommendations: Annotated[str, typer.Argument(help="File or folder: user_id, item_id, rank or score.")],
    truth: Annotated[str, typer.Argument(help="File or folder: user_id, item_id.")],
    k: Annotated[str, typer.Option("--k", help="Lengths of the list's head, such as 5,10,20.")] = "5,10,20",
    against: Annotated[
        str | None, typer.Option("--against", help="Other lists: their figures, and the differences from them.")
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(
            "--history", help="user_id, item_id consumed before: novelty, popularity, serendipity, cold users."
        ),
    ] = None,
    items: Annotated[
        str | None, typer.Option("--items", help="item_id and tags, genres or category: diversity, miscalibration.")
    ] = None,
    users: Annotated[str | None, typer.Option("--users", help="user_id and the columns of --by.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Columns of --users whose values are given apart.")] = None,
    catalogue: Annotated[
        int | None, typer.Option("--catalogue", help="Number of items that could be recommended: coverage, Gini, AUC.")
    ] = None,
    env: Env = None,
    set_: Set = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Measure lists against the truth: recall, precision, nDCG and more, with 95 % confidence intervals.

    With --against, how much better or worse than other lists: the interval of the difference is paired by user, and a
    difference whose interval holds 0 may be chance.
    """
    with explained(debug=debug):
        import json
        from dataclasses import asdict

        from rich.console import Console

        from repertoire.cli.measurements import print_measurements
        from repertoire.cli.sessions import lazy_session
        from repertoire.evaluation.evaluate_files import evaluate_files
        from repertoire.settings import load_settings

        lengths = parse_lengths(k)
        settings = load_settings(env=env, overrides=overrides(set_))
        with lazy_session(settings, app="repertoire evaluate", debug=debug) as session:
            found = evaluate_files(
                session(),
                recommendations,
                truth,
                lengths,
                against=against,
                history=history,
                items=items,
                users=users,
                by=by.split(",") if by else [],
                cold_below=settings.evaluation.cold_below,
                catalogue_size=catalogue,
            )
        if as_json:
            print(json.dumps(asdict(found), indent=1))
            return
        console = Console(highlight=False)
        print_measurements(console, found.measurements)
        console.print(f"{found.users:,} users with a list and something relevant")
        for count, what in (
            (found.users_without_list, "users of the truth have no list and count as 0"),
            (found.lists_without_truth, "lists belong to nobody in the truth and are not measured"),
            (found.empty_places, "places in the lists are empty and count as misses"),
            (found.repeated_truth_rows, "rows of the truth repeat a pair"),
        ):
            if count:
                console.print(f"{count:,} {what}")
