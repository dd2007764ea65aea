"""`repertoire evaluate`: metrics of lists against what followed."""

from typing import TYPE_CHECKING, Annotated

import typer

from repertoire.cli.options import AsJson, Debug, Env, Set, overrides
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    from repertoire.evaluation.measurement import Measurement


def evaluate(
    recommendations: Annotated[str, typer.Argument(help="File or folder: user_id, item_id, rank or score.")],
    truth: Annotated[str, typer.Argument(help="File or folder: user_id, item_id.")],
    k: Annotated[str, typer.Option("--k", help="Lengths of the list's head, such as 5,10,20.")] = "5,10,20",
    against: Annotated[
        str | None, typer.Option("--against", help="Other lists: their figures, and the differences from them.")
    ] = None,
    catalogue: Annotated[
        int | None, typer.Option("--catalogue", help="Number of items that could be recommended: gives coverage.")
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
        from rich.table import Table

        from repertoire.cli.sessions import lazy_session
        from repertoire.errors import SettingsError
        from repertoire.evaluation.evaluate_files import AGAINST, evaluate_files
        from repertoire.evaluation.measurement import difference_name
        from repertoire.settings import load_settings

        try:
            cutoffs = sorted({int(part) for part in k.split(",")})
        except ValueError:
            raise SettingsError(
                f'--k takes whole numbers with commas between, such as 5,10,20; received "{k}"'
            ) from None
        settings = load_settings(env=env, overrides=overrides(set_))
        with lazy_session(settings, app="repertoire evaluate", debug=debug) as session:
            found = evaluate_files(
                session(), recommendations, truth, cutoffs, against=against, catalogue_size=catalogue
            )
        if as_json:
            print(json.dumps(asdict(found), indent=1))
            return
        table = Table("metric", "value", "95 % interval", box=None, header_style="bold")
        measured = [one for one in found.measurements if one.model == "recommendations"]
        others: dict[str, dict[tuple[str, int], Measurement]] = {}
        if against is not None:
            for name, heading in ((AGAINST, "against"), (difference_name("recommendations", AGAINST), "difference")):
                others[heading] = {(one.metric, one.k): one for one in found.measurements if one.model == name}
                table.add_column(heading)
            table.add_column("95 % interval")
        for one in measured:
            row = [f"{one.metric}@{one.k}", _value(one), _bounds(one)]
            row += [_value(other[one.metric, one.k]) for other in others.values()]
            table.add_row(*row, *[_bounds(others[name][one.metric, one.k]) for name in list(others)[1:]])
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


def _value(one: "Measurement") -> str:
    return "" if one.value is None else f"{one.value:.4f}"


def _bounds(one: "Measurement") -> str:
    return "" if one.low is None else f"{one.low:.4f} … {one.high:.4f}"
