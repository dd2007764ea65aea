"""What a person is told of a classifier: how columns were read, how good it is, what it goes by, why."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from repertoire.learning.classification_metrics import Measured
    from repertoire.learning.table_classifier import TableFit
    from repertoire.learning.table_columns import TableColumns

_MOST_COLUMNS = 60  # that are listed
_MOST_FACTORS = 12

_WORDS = {
    "accuracy": "share of rows whose label was predicted",
    "precision": "of the rows predicted {positive}, those that were",
    "recall": "of the rows that were {positive}, those predicted so",
    "f1": "harmonic mean of precision and recall",
    "auc": "chance that a row that is {positive} scores above one that is not",
    "pr_auc": "average precision; by chance it would be {share}",
    "log_loss": "mean of -ln of the probability of what came true; of the shares alone {entropy}",
    "brier": "mean squared distance of the probabilities from what came true",
    "calibration_error": "mean distance of probabilities from the shares that came true",
}


class ClassifierReport:
    """On stderr, in words and tables."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        if not self._console.is_terminal:
            self._console.width = 200  # a file has no edge to wrap at

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def line(self, text: str) -> None:
        self._console.print(f"    {text}", style="dim", highlight=False, markup=False)

    def columns(self, columns: "TableColumns") -> None:
        self.say(f"{columns.rows:,} rows")
        table = _table("column", "read as", "what was seen", "missing")
        for one in columns.columns[:_MOST_COLUMNS]:
            missing = "" if one.known == columns.rows else f"{1 - one.known / max(1, columns.rows):.1%}"
            table.add_row(one.name, one.kind.replace("_", " "), one.why, missing)
        self._console.print(table)
        if len(columns.columns) > _MOST_COLUMNS:
            self.line(f"and {len(columns.columns) - _MOST_COLUMNS} more")

    def fit(self, found: "TableFit") -> None:
        model = found.classifier.model
        counts = ", ".join(f"{name} {rows:,}" for name, rows in found.rows_of.items())
        facts = ", ".join(f"{name} {value}" for name, value in model.facts.items())
        without = f"; {found.unlabelled:,} rows without one are left out" if found.unlabelled else ""
        self.say(f"{found.classifier.label}: {counts}{without}")
        self.say(f"{model.algorithm}: {facts}" if facts else model.algorithm)
        if found.measured:
            self.measured(found.measured, model.classes, f"{found.measured.rows:,} rows that were held back")
        if found.importances:
            table = _table("column", "auc lost when it is shuffled", "95 % interval")
            for one in found.importances[:_MOST_COLUMNS]:
                table.add_row(one.column, f"{one.drop:.4f}", f"{one.low:.4f} to {one.high:.4f}")
            self._console.print(table)
        self._factors(found)

    def measured(self, measured: "Measured", classes: Sequence[str], where: str) -> None:
        rows_of = [sum(row) for row in measured.confusion]
        shares = [rows / measured.rows for rows in rows_of]
        words = {
            "positive": classes[1] if len(classes) == 2 else "of a class",
            "share": f"{shares[1]:.3f}" if len(classes) == 2 else "the class's share",
            "entropy": f"{_entropy(shares):.4f}",
        }
        self.say(f"On {where}:")
        table = _table("figure", "value", "95 % interval", "what it is")
        for one in measured.figures:
            interval = "" if one.low is None or one.high is None else f"{one.low:.4f} to {one.high:.4f}"
            table.add_row(one.name, f"{one.value:.4f}", interval, _WORDS[one.name].format(**words))
        self._console.print(table)
        confusion = _table("rows that are", *(f"predicted {name}" for name in classes))
        for name, row in zip(classes, measured.confusion, strict=True):
            confusion.add_row(name, *(f"{count:,}" for count in row))
        self._console.print(confusion)
        if measured.reliability:
            reliability = _table("rows", "probability, mean", "came true")
            for part in measured.reliability:
                reliability.add_row(f"{part.rows:,}", f"{part.told:.3f}", f"{part.true:.3f}")
            self._console.print(reliability)

    def predictions(self, counts: Mapping[str, int]) -> None:
        told = ", ".join(f"{name} {rows:,}" for name, rows in counts.items())
        self.say(f"{sum(counts.values()):,} rows; predicted: {told}")

    def _factors(self, found: "TableFit") -> None:
        """Of a naive Bayes model what each value multiplies the odds by."""
        from repertoire.learning.naive_bayes_factors import factors_of

        model = found.classifier.model
        told = factors_of(model)
        if not told:
            return
        positive, other = model.classes[1], model.classes[0]
        self.say(f"The odds of {positive} are {told.odds:.4f} times a factor for each column's value, such as")
        table = _table("column", "value", f"P(value | {positive})", f"P(value | {other})", "factor")
        for one in told.strongest(_MOST_FACTORS):
            table.add_row(
                one.column, one.value, f"{one.given_positive:.4f}", f"{one.given_other:.4f}", f"{one.factor:.3g}"
            )
        self._console.print(table)
        self.line("all of them: factors.csv beside the model")


def _entropy(shares: Sequence[float]) -> float:
    return -sum(share * math.log(share) for share in shares if share)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
