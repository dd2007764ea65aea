"""Figures and texts from elsewhere as the page shows them."""

import datetime as dt
import re

from markupsafe import Markup, escape

# Control characters, what turns the direction of writing around, halves of characters: none may reach the page.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)

METRIC_NAMES = {
    "ndcg": "nDCG",
    "recall": "recall",
    "precision": "precision",
    "hit_rate": "hit rate",
    "map": "MAP",
    "mrr": "MRR",
    "coverage": "coverage",
}

METRIC_MEANINGS = {
    "ndcg": "how much of what people turned to stands in their list, and how high; 1 is a perfect list",
    "recall": "share of what people turned to that stands in their list",
    "precision": "share of the list's places that hold something they turned to",
    "hit_rate": "share of people whose list holds at least one thing they turned to",
    "map": "precision, averaged over the places of what they turned to",
    "mrr": "one over the place of the first thing they turned to: 0.5 is the second place",
    "coverage": "share of the catalogue that stands in somebody's list",
}


def visible(text: str) -> str:
    """The text with a mark in the place of every character that is not to be seen, or that plays tricks."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def short(text: str | None, most: int = 100) -> str:
    """The text, cut where it is longer than `most` characters."""
    text = text or ""
    return text if len(text) <= most else text[: most - 1] + "…"


def breakable(name: str) -> Markup:
    """A name_like_this, which may go on in the next line after each underscore."""
    return escape(visible(name)).replace("_", Markup("_<wbr>"))


def decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def signed(value: float | None) -> str:
    """A difference, with a true minus."""
    return "" if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float | None) -> str:
    """A share of 1; something is never shown as nothing, nor less than all as all."""
    if share is None:
        return ""
    if 0 < share < 0.0005:
        return "<\u00a00.1\u00a0%"
    if 0.9995 < share < 1:
        return ">\u00a099.9\u00a0%"
    return f"{share * 100:.1f}\u00a0%"


def count(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: 4.2 s, 3 min 5 s, 2 h 10 min."""
    if seconds is None:
        return ""
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(at: dt.datetime) -> str:
    """A time in UTC, to the minute."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


def metric_name(metric: str, k: int = 0) -> str:
    """nDCG@10 for ndcg and 10."""
    name = METRIC_NAMES.get(metric, metric.replace("_", " "))
    return f"{name}@{k}" if k else name
