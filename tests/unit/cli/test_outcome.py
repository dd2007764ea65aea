"""How a command ends where something failed that Repertoire does not know."""

import pytest

from repertoire.cli.outcome import explained


class Py4JJavaError(Exception):
    """As Py4J words it."""


def ending(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="1"), explained(debug=False):
        raise error
    return capsys.readouterr().err.splitlines()[0]


def test_a_failure_in_java_is_told_in_javas_words_and_by_its_root(capsys: pytest.CaptureFixture[str]) -> None:
    trace = (
        "An error occurred while calling o5622.getResult.\n: org.apache.spark.SparkException: Job aborted\n"
        "\tat org.apache.spark.Some.thing(Some.scala:1)\nCaused by: java.io.IOException: half of it\n\tat x\n"
        "Caused by: java.lang.OutOfMemoryError: Java heap space\n\tat y\n"
    )
    said = ending(Py4JJavaError(trace), capsys)
    assert said == (
        "repertoire: failed: Py4JJavaError: org.apache.spark.SparkException: Job aborted"
        " <- java.lang.OutOfMemoryError: Java heap space"
    )


def test_another_failure_is_told_by_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(ValueError("no such thing\nand more"), capsys) == "repertoire: failed: ValueError: no such thing"
