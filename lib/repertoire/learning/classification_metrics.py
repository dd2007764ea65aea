"""How good scores and decisions are, on rows that the model was not fitted on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from repertoire.learning.row_columns import LABEL
from repertoire.learning.score_rows import DECISION, SCORES

Doubles = NDArray[np.float64]

_NORMAL = float(stats.norm.ppf(0.975))
_DIGITS = 6  # scores are told apart to so many: what reaches the driver does not grow with the rows
_LEAST = 1e-15  # a probability of 0 that came true would cost without end
_BINS = 10


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95 % confidence interval, where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Reliability:
    """Rows whose probabilities are next to each other: how many, what they were told on average, and what came true."""

    rows: int
    told: float
    true: float


@dataclass(frozen=True)
class Measured:
    """confusion: (classes, classes) rows by their class and by what was predicted. reliability: of the second of two classes;
    empty for more. best_f1: the threshold of the second class's score with the best F1; None for more than two classes."""

    rows: int
    figures: tuple[Figure, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Reliability, ...]
    best_f1: float | None

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "figures": {one.name: {"value": one.value, "low": one.low, "high": one.high} for one in self.figures},
            "confusion": [list(row) for row in self.confusion],
            "reliability": [vars(one) for one in self.reliability],
        }


def measure(scored: DataFrame, classes: int, *, probabilities: bool) -> Measured:
    """Measures rows with `__scores`, `__decision` and `__label`, in two queries of which the driver gets sums only.

    accuracy (Wilson's interval), and with two classes precision, recall and F1 of the second; auc: area under the ROC curve, the
    chance that a row of the class has a higher score than another one, ties half (DeLong's interval; with more classes the mean
    of each against the rest, without an interval); pr_auc: average precision (interval of Boyd, Eng and Page 2013, on the
    logit); where scores are probabilities, log_loss (natural), brier (sum over classes) and calibration_error: mean distance of
    what was told from what came true, in ten bins with the same number of rows (expected calibration error).
    Scores are rounded to 6 digits for auc, pr_auc and the bins. Raises ValueError without rows.
    """
    label = F.element_at(SCORES, F.col(LABEL) + 1)
    loss = -F.log(F.greatest(label, F.lit(_LEAST)))
    squares = F.aggregate(SCORES, F.lit(0.0), lambda total, score: total + score * score) - 2 * label + 1
    sums = (
        scored.groupBy(LABEL, DECISION)
        .agg(
            F.count(F.lit(1)).alias("rows"),
            *(F.sum(term).alias(name) for name, term in _terms(loss, squares, probabilities).items()),
        )
        .collect()
    )
    rows = sum(row["rows"] for row in sums)
    if not rows:
        raise ValueError("there are no rows to measure")
    confusion = np.zeros((classes, classes), np.int64)
    for row in sums:
        confusion[row[LABEL], row[DECISION]] = row["rows"]
    curves = _curves(scored, classes)
    figures = [_share("accuracy", int(np.trace(confusion)), rows)]
    if classes == 2:
        figures += _of_decisions(confusion)
    figures += _of_ranking(curves, classes)
    if probabilities:
        figures.append(_mean("log_loss", sums, "loss", "loss2", rows))
        figures.append(_mean("brier", sums, "brier", "brier2", rows))
    reliability = _reliability(curves[1]) if probabilities and classes == 2 else ()
    if reliability:
        apart = sum(one.rows * abs(one.told - one.true) for one in reliability) / rows
        figures.append(Figure("calibration_error", apart))
    return Measured(
        rows=rows,
        figures=tuple(figures),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        reliability=reliability,
        best_f1=_best_f1(curves[1]) if classes == 2 else None,
    )


def _terms(loss: Any, squares: Any, probabilities: bool) -> dict[str, Any]:
    if not probabilities:
        return {}
    return {"loss": loss, "loss2": loss * loss, "brier": squares, "brier2": squares * squares}


@dataclass(frozen=True)
class Curve:
    """Distinct scores of a class, ascending, with the rows of the class and the others that have them."""

    scores: Doubles
    hits: Doubles
    others: Doubles


def _curves(scored: DataFrame, classes: int) -> dict[int, Curve]:
    """Of each class, or of two of the second alone."""
    wanted = [1] if classes == 2 else list(range(classes))
    each = F.array(
        *(
            F.struct(
                F.lit(place).alias("place"),
                F.round(F.element_at(SCORES, place + 1), _DIGITS).alias("score"),
                (F.col(LABEL) == place).alias("hit"),
            )
            for place in wanted
        )
    )
    table = (
        scored.select(F.explode(each).alias("one"))
        .groupBy("one.place", "one.score")
        .agg(F.count_if("one.hit").alias("hits"), F.count_if(~F.col("one.hit")).alias("others"))
        .toArrow()
        .sort_by([("place", "ascending"), ("score", "ascending")])
    )
    place = table.column("place").to_numpy()
    return {one: _curve(table.filter(pa.array(place == one))) for one in wanted}


def _curve(table: pa.Table) -> Curve:
    return Curve(*(np.asarray(table.column(name).to_numpy(), np.float64) for name in ("score", "hits", "others")))


def _share(name: str, hits: int, rows: int) -> Figure:
    """A share with Wilson's score interval (1927)."""
    if not rows:
        return Figure(name, 0.0)
    share, z2 = hits / rows, _NORMAL**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    margin = _NORMAL * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    return Figure(name, share, max(0.0, middle - margin), min(1.0, middle + margin))


def _mean(name: str, sums: Sequence[Any], total: str, squares: str, rows: int) -> Figure:
    mean = sum(row[total] for row in sums) / rows
    variance = max(0.0, sum(row[squares] for row in sums) / rows - mean**2)
    margin = _NORMAL * math.sqrt(variance / rows)
    return Figure(name, mean, max(0.0, mean - margin), mean + margin)


def _of_decisions(confusion: NDArray[np.int64]) -> list[Figure]:
    (_, false), (missed, found) = confusion.tolist()
    f1 = 2 * found / (2 * found + false + missed) if found else 0.0
    return [_share("precision", found, found + false), _share("recall", found, found + missed), Figure("f1", f1)]


def _of_ranking(curves: dict[int, Curve], classes: int) -> list[Figure]:
    areas = [_auc(curve) for curve in curves.values()]
    averages = [_average_precision(curve) for curve in curves.values()]
    if classes == 2:
        return [areas[0], averages[0]]
    return [
        Figure("auc", float(np.mean([one.value for one in areas]))),
        Figure("pr_auc", float(np.mean([one.value for one in averages]))),
    ]


def _auc(curve: Curve) -> Figure:
    """The area with the interval of DeLong, DeLong and Clarke-Pearson (1988), from the placements of each distinct score."""
    hits, others = curve.hits.sum(), curve.others.sum()
    if not hits or not others:
        return Figure("auc", math.nan)
    below = np.cumsum(curve.others) - curve.others
    above = hits - np.cumsum(curve.hits)
    of_hits = (below + curve.others / 2) / others  # share of others that a row of the class with this score is above
    of_others = (above + curve.hits / 2) / hits
    area = float((curve.hits * of_hits).sum() / hits)
    variance = 0.0
    for counts, placements in ((curve.hits, of_hits), (curve.others, of_others)):
        if counts.sum() > 1:
            spread = (counts * (placements - area) ** 2).sum() / (counts.sum() - 1)
            variance += float(spread / counts.sum())
    margin = _NORMAL * math.sqrt(variance)
    return Figure("auc", area, max(0.0, area - margin), min(1.0, area + margin))


def _average_precision(curve: Curve) -> Figure:
    hits = curve.hits.sum()
    if not hits:
        return Figure("pr_auc", math.nan)
    found = np.cumsum(curve.hits[::-1])
    told = found + np.cumsum(curve.others[::-1])
    area = float((curve.hits[::-1] * found / told).sum() / hits)
    if not 0 < area < 1:
        return Figure("pr_auc", area)
    middle, margin = math.log(area / (1 - area)), _NORMAL / math.sqrt(hits * area * (1 - area))
    low, high = (1 / (1 + math.exp(-value)) for value in (middle - margin, middle + margin))
    return Figure("pr_auc", area, low, high)


def _reliability(curve: Curve) -> tuple[Reliability, ...]:
    rows = curve.hits + curve.others
    bins = np.minimum((np.cumsum(rows) - rows / 2) / rows.sum() * _BINS, _BINS - 1).astype(int)
    made = []
    for one in np.unique(bins):
        inside = bins == one
        count = rows[inside].sum()
        told = float((rows * curve.scores)[inside].sum() / count)
        made.append(Reliability(int(count), told, float(curve.hits[inside].sum() / count)))
    return tuple(made)


def _best_f1(curve: Curve) -> float:
    found = np.cumsum(curve.hits[::-1])[::-1]
    told = found + np.cumsum(curve.others[::-1])[::-1]
    f1 = 2 * found / (told + curve.hits.sum())
    return float(curve.scores[int(np.argmax(f1))])
