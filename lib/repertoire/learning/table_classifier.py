"""A classifier of the rows of any table: which columns it takes and how, what it was fitted on, how good it is."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

from repertoire.errors import InputError
from repertoire.frames.materialise import materialise
from repertoire.learning.classification_metrics import Measured, measure
from repertoire.learning.classifier import Classifier, score_columns
from repertoire.learning.feature_column import FeatureColumn
from repertoire.learning.fit_classifier import Fit, fit_classifier
from repertoire.learning.permutation_importance import Importance
from repertoire.learning.row_columns import HELD, LABEL, WEIGHT, quoted
from repertoire.learning.score_rows import DECISION, SCORES, score_rows
from repertoire.learning.table_columns import TableColumns, check_features, inspect_columns, typed_batch
from repertoire.settings import ClassifySettings

PREDICTION = "prediction"
_MOST_CLASSES = 100
_LEAST_ROWS = 5  # of each class
_PARTS_PER_MILLION = 1_000_000


@dataclass(frozen=True)
class TableClassifier:
    """model: takes typed columns; features: which, and how each is read; missing: values that mean nothing is known; label: the
    column that it was fitted on."""

    model: Classifier
    features: tuple[FeatureColumn, ...]
    missing: tuple[str, ...]
    label: str

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "features": [vars(one) for one in self.features],
            "missing": list(self.missing),
            "model": self.model.as_json(),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any], files: Mapping[str, bytes]) -> "TableClassifier":
        return cls(
            model=Classifier.from_json(given["model"], files),
            features=tuple(FeatureColumn(**one) for one in given["features"]),
            missing=tuple(given["missing"]),
            label=given["label"],
        )


@dataclass(frozen=True)
class TableFit:
    """What was fitted, and what there is to tell of it. rows_of: rows of each class; unlabelled: rows that were left out."""

    classifier: TableClassifier
    columns: TableColumns
    rows_of: Mapping[str, int]
    unlabelled: int
    measured: Measured | None
    importances: tuple[Importance, ...]

    def told(self) -> dict[str, Any]:
        """All but the classifier as JSON values."""
        return {
            "columns": [vars(one) for one in self.columns.columns],
            "rows": self.columns.rows,
            "rows_of": dict(self.rows_of),
            "unlabelled": self.unlabelled,
            "measured": self.measured.as_json() if self.measured else None,
            "importances": [vars(one) for one in self.importances],
        }


def fit_table(
    table: DataFrame,
    *,
    label: str,
    where: str,
    settings: ClassifySettings,
    seed: int,
    scratch: str,
    positive: str | None = None,
    ignore: Collection[str] = (),
    categories: Collection[str] = (),
    say: Callable[[str], None] = lambda text: None,
    show: Callable[[TableColumns], None] = lambda columns: None,
) -> TableFit:
    """Fits a classifier of the column `label` on the others.

    table: rows of any plain columns; where: its name for the messages; positive: of two labels the one that is asked for, by
    default the rarer; ignore: columns that are no features; categories: columns of numbers that are names; show: is told the
    columns before anything is fitted. A row is held back by a hash of its values and the seed, so that equal rows are on one side
    and their order does not matter. Raises InputError for a label that is not there, has one value, or more than 100; for columns
    that are named and not there; and what `inspect_columns` and `fit_classifier` raise.
    """
    for name in (label, *ignore, *categories):
        if name not in table.columns:
            raise InputError(f"{where}: no column {name}. Columns found: {', '.join(table.columns)}.")
    rows_of, unlabelled = _classes(table, label, settings.missing, positive, where)
    named = [name for name in table.columns if name != label and name not in ignore]
    columns = inspect_columns(table, named, missing=settings.missing, categories=categories)
    show(columns)
    features = columns.features
    classes = tuple(rows_of)
    values = [F.col(quoted(name)).cast("string") for name in sorted([label, *(one.name for one in features)])]
    draw = F.pmod(F.xxhash64(F.lit(seed), *values), F.lit(_PARTS_PER_MILLION))
    prepared = table.select(
        *(quoted(one.name) for one in features),
        _class_number(label, classes).alias(LABEL),
        F.lit(1.0).alias(WEIGHT),
        (draw < int(settings.holdout * _PARTS_PER_MILLION)).alias(HELD),
    ).where(F.col(LABEL).isNotNull())
    rows = _typed(prepared, features, settings.missing, [LABEL, WEIGHT, HELD])
    fit = Fit(
        algorithm=settings.algorithm,
        classes=classes,
        rows_of=tuple(rows_of.values()),
        settings=settings,
        seed=seed,
        scratch=scratch,
        decision=settings.decision,
        refit=settings.refit,
        importance_repeats=settings.importance_repeats,
        importance_rows=settings.importance_rows,
        say=say,
    )
    typed = materialise(rows, f"{scratch}/rows")
    _check_held(typed, classes, settings.holdout, where)
    fitted = fit_classifier(typed, features, fit)
    model = TableClassifier(fitted.model, tuple(features), tuple(settings.missing), label)
    return TableFit(model, columns, rows_of, unlabelled, fitted.measured, fitted.importances)


def predict_table(table: DataFrame, classifier: TableClassifier, where: str) -> DataFrame:
    """The table's columns, as they are, and prediction, which is a label as string, and score_LABEL for each label.

    Raises InputError for what `check_features` finds, and for a table that has such columns already.
    """
    check_features(table, classifier.features, classifier.missing, where)
    classes = classifier.model.classes
    added = [PREDICTION, *score_columns(classes)]
    taken = [name for name in added if name in table.columns]
    if taken:
        raise InputError(f"{where} has a column {', '.join(taken)} already; rename it, for that is what is added")
    features, missing = classifier.features, classifier.missing
    scored = score_rows(
        table, classifier.model, table.columns, read=lambda batch: typed_batch(batch, features, missing)
    )
    labels = F.array(*map(F.lit, classes))
    return scored.select(
        *map(F.col, map(quoted, table.columns)),
        F.element_at(labels, F.col(DECISION) + 1).alias(PREDICTION),
        *(F.element_at(SCORES, place + 1).alias(name) for place, name in enumerate(score_columns(classes))),
    )


def count_predictions(predicted: DataFrame) -> dict[str, int]:
    """How many rows were given each label."""
    counts = predicted.groupBy(PREDICTION).count().orderBy(PREDICTION).collect()
    return {row[PREDICTION]: row["count"] for row in counts}


def _typed(
    rows: DataFrame, features: Sequence[FeatureColumn], missing: Sequence[str], keep: Sequence[str]
) -> DataFrame:
    """The features as double and string, then the columns `keep` as they are."""
    kept = [field for field in rows.schema.fields if field.name in keep]
    kinds = {"number": DoubleType(), "category": StringType()}
    schema = StructType([*(StructField(one.name, kinds[one.kind]) for one in features), *kept])

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            arrays = [*typed_batch(batch, features, missing), *(batch.column(field.name) for field in kept)]
            yield pa.RecordBatch.from_arrays(arrays, schema.names)

    return rows.mapInArrow(read, schema)


def measure_predictions(predicted: DataFrame, classifier: TableClassifier) -> Measured | None:
    """How good predictions are where the table has the label; rows without one, or with an unknown one, are left out."""
    if classifier.label not in predicted.columns:
        return None
    classes = classifier.model.classes
    scores = F.array(*(F.col(quoted(name)) for name in score_columns(classes)))
    numbers = predicted.select(
        scores.alias(SCORES),
        _class_number(PREDICTION, classes).alias(DECISION),
        _class_number(classifier.label, classes).alias(LABEL),
    ).where(F.col(LABEL).isNotNull())
    if numbers.isEmpty():
        return None
    return measure(numbers, len(classes), probabilities=classifier.model.gives_probabilities)


def _classes(
    table: DataFrame, label: str, missing: Sequence[str], positive: str | None, where: str
) -> tuple[dict[str, int], int]:
    """The labels with their rows, in the order of class numbers, and how many rows have none."""
    text = F.col(quoted(label)).cast("string")
    counts = (
        table.groupBy(text.alias("label"))
        .agg(F.count(F.lit(1)).alias("rows"))
        .orderBy("label")
        .limit(_MOST_CLASSES + 20)
    ).collect()
    found = {row["label"]: row["rows"] for row in counts if row["label"] is not None and row["label"] not in missing}
    unlabelled = sum(row["rows"] for row in counts) - sum(found.values())
    if not found:
        raise InputError(f"{where}, column {label}: no row has a label")
    if len(found) == 1:
        (only,) = found
        raise InputError(
            f'{where}, column {label}: every row that has a label has "{only}". There is nothing to tell apart; two labels are '
            "needed at least."
        )
    if len(found) > _MOST_CLASSES:
        raise InputError(
            f"{where}, column {label}: more than {_MOST_CLASSES} different labels, such as {', '.join(list(found)[:3])}. "
            "Labels are names of a few classes; numbers to be foretold are not."
        )
    few = [name for name, rows in found.items() if rows < _LEAST_ROWS]
    if few:
        raise InputError(
            f'{where}, column {label}: the label "{few[0]}" has {found[few[0]]} rows; {_LEAST_ROWS} are needed of each. '
            "Leave its rows out, or put it together with another one."
        )
    if positive is not None and positive not in found:
        raise InputError(
            f'{where}, column {label}: no row has the label "{positive}". Labels found: {", ".join(found)}.'
        )
    if len(found) == 2:
        last = positive or min(found, key=lambda name: (found[name], name))
        found = {name: found[name] for name in sorted(found, key=lambda name: (name == last, name))}
    return found, unlabelled


def _check_held(rows: DataFrame, classes: Sequence[str], holdout: float, where: str) -> None:
    """Raises InputError where rows that train, or those that measure, lack a class."""
    counts = {(row[LABEL], row[HELD]): row["count"] for row in rows.groupBy(LABEL, HELD).count().collect()}
    sides = (False, True) if holdout else (False,)
    for side in sides:
        for number, name in enumerate(classes):
            if not counts.get((number, side)):
                what = (
                    f"holdout={holdout:g} holds back none" if side else f"holdout={holdout:g} leaves none to train on"
                )
                raise InputError(
                    f'{where}: of the rows with the label "{name}" {what}. Give more rows of it, another seed (run.seed), or '
                    "holdout=0, which measures nothing."
                )


def _class_number(label: str, classes: Sequence[str]) -> Column:
    numbers = F.create_map(*(F.lit(part) for number, name in enumerate(classes) for part in (name, number)))
    return F.try_element_at(numbers, F.col(quoted(label)).cast("string"))
