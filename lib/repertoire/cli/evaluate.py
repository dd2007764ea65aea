"""`repertoire evaluate`: metrics of lists against what followed."""

from typing import Annotated

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, overrides
from repertoire.cli.outcome import explained


def evaluate(
    recommendations: Annotated[str, typer.Argument(help="File or folder: user_id, item_id, rank or score.")],
    truth: Annotated[str, typer.Argument(help="File or folder: user_id, item_id.")],
    k: Annotated[str, typer.Option("--k", help="Lengths of the list's head, such as 5,10,20.")] = "5,10,20",
    catalogue: Annotated[
        int | None, typer.Option("--catalogue", help="Number of items that could be recommended: gives coverage.")
    ] = None,
    env: Env = None,
    set_: Set = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Measure lists against the truth: recall, precision, nDCG and more, with 95 % confidence intervals."""
    with explained(debug=debug):
        import json
        from dataclasses import asdict

        from rich.console import Console
        from rich.table import Table

        from repertoire.cli.sessions import lazy_session
        from repertoire.errors import SettingsError
        from repertoire.evaluation.evaluate_files import evaluate_files
        from repertoire.settings import load_settings

        try:
            cutoffs = sorted({int(part) for part in k.split(",")})
        except ValueError:
            raise SettingsError(
                f'--k takes whole numbers with commas between, such as 5,10,20; received "{k}"'
            ) from None
        settings = load_settings(env=env, overrides=overrides(set_))
        with lazy_session(settings, app="repertoire evaluate", debug=debug) as session:
            found = evaluate_files(session(), recommendations, truth, cutoffs, catalogue_size=catalogue)
        if as_json:
            print(json.dumps(asdict(found), indent=1))
            return
        table = Table("metric", "value", "95 % interval", box=None, header_style="bold")
        for one in found.measurements:
            bounds = "" if one.low is None else f"{one.low:.4f} … {one.high:.4f}"
            table.add_row(f"{one.metric}@{one.k}", "" if one.value is None else f"{one.value:.4f}", bounds)
        console = Console(highlight=False)
        console.print(table)
        console.print(f"{found.users:,} users with a list and something relevant")
        for count, what in (
            (found.users_without_list, "users of the truth have no list and count as 0"),
            (found.lists_without_truth, "lists belong to nobody in the truth and are not measured"),
            (found.empty_places, "places in the lists are empty and count as misses"),
            (found.repeated_truth_rows, "rows of the truth repeat a pair"),
        ):
            if count:
                console.print(f"{count:,} {what}")
