"""`repertoire classify`: learns the labels of any table's rows, and labels others."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repertoire.cli.classifier_report import ClassifierReport
from repertoire.cli.options import Debug, Env, Set, overrides
from repertoire.cli.out_table import Made, check_out_table, is_single, write_out_table
from repertoire.cli.outcome import explained

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from repertoire.settings import Settings

app = typer.Typer(help="Who will buy, click or leave: learns labels from any table.", no_args_is_help=True)

_KIND = "classify"
MADE = Made("classify predict", "a table of predictions", lambda names: "prediction" in names)

TABLE = "File or folder: Parquet, CSV, TSV or JSON Lines, with a header."


@app.command("fit")
def fit(
    table: Annotated[str, typer.Argument(help=TABLE)],
    label: Annotated[str, typer.Option("--label", help="The column to learn.")],
    model_out: Annotated[Path, typer.Option("--model-out", help="Where the model goes: a folder.")],
    algorithm: Annotated[
        str | None,
        typer.Option(
            "--algorithm", help="xgboost, random_forest, gbt, logistic, svm, naive_bayes or dnn (TensorFlow)."
        ),
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", help="Of two labels the one asked for; else the rarer.")
    ] = None,
    ignore: Annotated[str, typer.Option("--ignore", help="Columns that are no features, with commas between.")] = "",
    categories: Annotated[
        str, typer.Option("--categories", help="Columns of numbers that are names, such as codes.")
    ] = "",
    env: Env = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """Learns a column of a table from the others, says how well, and writes the model."""
    with explained(debug=debug):
        from repertoire.cli.model_folder import check_model_out, write_model
        from repertoire.cli.quick_start import quickly_started
        from repertoire.evaluation.table_files import read_table
        from repertoire.learning.naive_bayes_factors import factors_of
        from repertoire.learning.table_classifier import fit_table
        from repertoire.settings import load_settings

        settings = load_settings(env=env, overrides=overrides(set_, classify__algorithm=algorithm))
        check_model_out(model_out)
        told = ClassifierReport()
        in_java = settings.classify.algorithm in ("random_forest", "gbt")
        settings = quickly_started(settings, table, java_computes=in_java)
        with _work(settings, model_out, "classify fit", debug=debug) as (spark, folder):
            found = fit_table(
                read_table(spark, table, []),
                label=label,
                where=table,
                settings=settings.classify,
                seed=settings.run.seed,
                scratch=f"{folder}/scratch",
                positive=positive,
                ignore=_names(ignore),
                categories=_names(categories),
                say=told.line,
                show=told.columns,
            )
            told.fit(found)
            chosen = settings.classify.model_dump(mode="json") | {"seed": settings.run.seed}
            content = found.classifier.as_json() | found.told() | {"settings": chosen}
            files = dict(found.classifier.model.files)
            if factors := factors_of(found.classifier.model):
                files["factors.csv"] = factors.as_csv()
            write_model(model_out, folder / "model", _KIND, content, files)
        told.say(f"Label other rows: repertoire classify predict TABLE --model {model_out} --out PREDICTIONS.parquet")


@app.command("predict")
def predict(
    table: Annotated[str, typer.Argument(help=TABLE)],
    model: Annotated[Path, typer.Option("--model", help="Folder of a model that `classify fit` wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Where the table goes: a folder, or a file ending in .parquet.")],
    env: Env = None,
    set_: Set = None,
    debug: Debug = False,
) -> None:
    """The table with `prediction` and a `score_LABEL` for each label; where it has the label, how good they are."""
    with explained(debug=debug):
        from repertoire.cli.model_folder import read_model
        from repertoire.cli.quick_start import quickly_started
        from repertoire.evaluation.table_files import read_table
        from repertoire.learning.table_classifier import (
            TableClassifier,
            count_predictions,
            measure_predictions,
            predict_table,
        )
        from repertoire.settings import load_settings

        settings = load_settings(env=env, overrides=set_ or [])
        check_out_table(out, MADE)
        settings = quickly_started(settings, table, java_computes=False)
        classifier = TableClassifier.from_json(*read_model(model, _KIND))
        told = ClassifierReport()
        with _work(settings, out, "classify predict", debug=debug) as (spark, folder):
            predicted = predict_table(read_table(spark, table, []), classifier, table)
            spread = predicted.coalesce(1) if is_single(out) else predicted
            files = write_out_table(spread, out, folder / "out", MADE)
            written = spark.read.parquet(*(str(file.absolute()) for file in files))
            told.predictions(count_predictions(written))
            measured = measure_predictions(written, classifier)
            if measured:
                told.measured(measured, classifier.model.classes, f"the rows that have a {classifier.label}")
        told.say(f"Read {out}: pandas.read_parquet({str(out)!r})")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def _work(settings: "Settings", out: Path, what: str, *, debug: bool) -> "Iterator[tuple[SparkSession, Path]]":
    """A session, and a folder beside what is written, so that the last step is a rename on one disk; gone afterwards."""
    from repertoire.cli.sessions import lazy_session

    parent = out.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".repertoire-", dir=parent))
    try:
        own = settings.model_copy(update={"run": settings.run.model_copy(update={"warehouse": str(folder)})})
        with lazy_session(own, app=f"repertoire {what}", debug=debug) as session:
            yield session(), folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
