"""Figures and texts from elsewhere as the page shows them."""

import datetime as dt
import re

from markupsafe import Markup, escape

# Control characters, what turns the direction of writing around, halves of characters: none may reach the page.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


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


def probability(p_value: float) -> str:
    return "<\u00a00.001" if p_value < 0.001 else f"{p_value:.3f}"


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
