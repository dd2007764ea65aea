"""Figures and texts as they are shown."""

import datetime as dt

import pytest

from repertoire.report.wording import breakable, decimal, duration, moment, percent, probability, short, signed, visible


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.04, "0.0 s"), (99.4, "99.4 s"), (99.6, "1 min 40 s"), (3599.7, "1 h 0 min"), (7800, "2 h 10 min")],
)
def test_seconds_as_a_person_says_them(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, ""), (0.0, "0.0 %"), (1e-6, "< 0.1 %"), (0.0312, "3.1 %"), (0.99999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_something_is_never_shown_as_nothing_nor_less_than_all_as_all(share: float | None, words: str) -> None:
    assert percent(share) == words.replace(" ", "\u00a0")


def test_figures() -> None:
    assert (decimal(0.12345), signed(0.5), signed(-0.5), decimal(None), signed(None)) == (
        "0.1235",
        "+0.5000",
        "−0.5000",
        "",
        "",
    )
    assert (probability(0.06), probability(1e-5)) == ("0.060", "<\u00a00.001")
    paris = dt.datetime(2026, 3, 1, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert moment(paris) == "2026-02-28 23:30"


def test_texts() -> None:
    assert (short("abcdef", 4), short("abcd", 4), short(None)) == ("abc…", "abcd", "")
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert visible(f"tab\tline\n{family} é") == f"tab\tline\n{family} é"
    assert visible("\x00\x1b\x7f\x85\u202e\u2066\ufeff\ud800") == "\ufffd" * 8
    assert breakable("bad_<i>\x00") == "bad_<wbr>&lt;i&gt;\ufffd"
