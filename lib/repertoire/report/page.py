"""The report as one HTML file: no request leaves it, and nothing that a log holds can break out of its place."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from repertoire.report import charts, comparison, ledger, metric_words, outcome, wording
from repertoire.report.contents import Report
from repertoire.report.line_chart import swatch
from repertoire.report.search_index import SearchIndex, search_index
from repertoire.vocabulary import TIER_WORDS

MARK = "Repertoire report"  # the page's generator: by it the command knows a file that it may overwrite
MOST_BYTES = 4_900_000
SEARCH_BYTES = 2_500_000


def render(report: Report) -> str:
    """The page. It has less than 5 MB: the people who can be searched for are as many as fit."""
    index = search_index(report.people, SEARCH_BYTES)
    page = _render(report, index)
    over = len(page.encode()) - MOST_BYTES
    if over <= 0:
        return page
    return _render(report, search_index(report.people, max(0, len(index.json.encode()) - over)))


def _render(report: Report, index: SearchIndex) -> str:
    template = _ENVIRONMENT.get_template("page.html.jinja")
    style, script = _file("page.css"), _file("search.js")
    return template.render(
        report=report,
        mark=MARK,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        outcome=outcome.outcome(report),
        later=outcome.later_trouble(report),
        sentences=outcome.in_words(report),
        charts=charts,
        comparison=comparison,
        ledger=ledger.ledger(report),
        index=index,
        tiers=_tiers(report),
        tier_words=TIER_WORDS,
        metric_words=metric_words.METRIC_WORDS,
        hits=list(metric_words.HITS),
    )


def _tiers(report: Report) -> list[tuple[str, float, float]]:
    """Each tier in words, its places, and their share of all."""
    rows = report.count("rows")
    places = [(word, report.count(f"tier_{tier}")) for tier, word in enumerate(TIER_WORDS)]
    return [(word, number, number / rows) for word, number in places if rows and number is not None]


def _visible(value: Any) -> Any:
    """What every expression of a template passes through: plain text is made fit to be seen; then it is escaped."""
    return wording.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("repertoire.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        wording.breakable,
        wording.count,
        wording.decimal,
        wording.duration,
        metric_words.metric_name,
        wording.moment,
        wording.percent,
        wording.probability,
        wording.short,
        wording.signed,
        swatch,
    ):
        environment.filters[function.__name__] = function
    return environment


def _file(name: str) -> str:
    return (files("repertoire.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A text's hash as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_ENVIRONMENT = _environment()
