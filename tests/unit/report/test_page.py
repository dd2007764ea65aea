"""The page: what it says, that nothing in it breaks out, that it is small and in order for every reader."""

import base64
import datetime as dt
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.report_values import DAY, everywhere, person, publication, report, stage_run

from repertoire.report import page
from repertoire.report.contents import Person, Place, RejectedRow, Rejections, Report, Work
from repertoire.report.page import render

_EMPTY = {"meta", "link", "br", "wbr", "input"}


@dataclass
class Page(HTMLParser):
    """Elements in order with their attributes, and texts in order with the kind of element around them."""

    source: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[tuple[str, str]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert self.path == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.path.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.path[-1] if self.path else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        shown = [part for tag, part in self.text if tag not in ("script", "style")]
        return " ".join(" ".join(shown).split()).replace("\u00a0", " ")


def held(source: str) -> dict[str, list[list[object]]]:
    """What the page's search holds."""
    found = re.search(r'id="search-data">(.*?)</script>', source, re.DOTALL)
    assert found
    read: dict[str, list[list[object]]] = json.loads(found[1])
    return read


def test_it_says_what_happened_and_how_good_it_is() -> None:
    words = Page(render(report())).words
    assert "The lists of 2026-03-01 are live. They went live on 2026-03-01 04:00 UTC." in words
    assert "100 people have a list; 95.0 % of the places are personalised" in words
    assert "nDCG@10 in the backtest is 0.3000 (95 % interval 0.2900 to 0.3100), against 0.1000 for popularity" in words
    assert "better by 0.2000 (0.1900 to 0.2100)" in words
    assert "40 of 80 works that may be shown stand in some list: 50.0 %." in words
    assert "1,000 990 7 0.7 % 3" in words, "rows read, accepted, rejected, their share, duplicates"
    assert "bad_ timestamp 7 event_ts: soon ann,film-1,soon /logs/a.csv" in words
    assert "Blue Train film-2 because of Kind of Blue" in words
    assert "31 of 100 people can be searched for here." in words


def test_a_refused_day_shows_why_and_what_is_live() -> None:
    refusal = stage_run(DAY, "publish_recommendations", "refused", minute=9, message="the gate refused the lists")
    before = publication(DAY - dt.timedelta(days=1))
    source = render(report(stages=(*report().stages, refusal), live=before, publications=(before,)))
    words = Page(source).words
    assert "The lists of 2026-03-01 were refused in publish_recommendations. The lists of 2026-02-28 are live." in words
    assert words.count("the gate refused the lists") >= 2, "in the headline and among the failures"
    assert "<title>Recommendations of 2026-03-01: refused</title>" in source


def test_a_day_that_came_to_nothing_still_has_a_ledger() -> None:
    failed = stage_run(DAY, "ingest_events", "failed", message="events.csv, row 7: what is that?")
    nothing = {"metrics": (), "files": (), "rejections": (), "publications": (), "live": None, "people": ()}
    words = Page(render(report(1, stages=(failed,), **nothing))).words
    assert "The run of 2026-03-01 failed in ingest_events. Nothing has been published yet." in words
    assert "events.csv, row 7: what is that?" in words
    assert "Nothing was measured for 2026-03-01." in words
    assert "There are no lists of 2026-03-01 to show." in words


HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "<!--<script>",
    "]]>&lt;b&gt;</title></style></textarea>",
    "{{ 7*7 }}{% raw %}",
    "\\u003c/script>\\",
    "javascript:alert(1)",
    "🎬 l\u2019\u00e9t\u00e9 \U0001f468\u200d\U0001f469\u200d\U0001f467 日本",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_log_holds_stays_text(hostile: str) -> None:
    kind, harmless = Page(render(everywhere(hostile))), Page(render(everywhere("harmless")))
    assert Counter(tag for tag, _ in kind.elements) == Counter(tag for tag, _ in harmless.elements)
    names = {name for _, attributes in kind.elements for name in attributes}
    assert names == {name for _, attributes in harmless.elements for name in attributes}
    assert kind.words.count(" ".join(hostile.split())) == harmless.words.count("harmless") > 15
    items = held(kind.source)["items"]
    assert items == [[hostile, hostile]]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    source = render(everywhere("a\x00b\x1b[31mc\u202ed\ud800e\u2028f"))
    assert "a\ufffdb\ufffd[31mc\ufffdd\ufffde\ufffdf" in Page(source).words
    assert not re.search("[\x00-\x08\x0b-\x1f\u2028-\u202e\ud800-\udfff]", source)
    source.encode()


def test_no_request_leaves_it_and_only_its_own_script_may_run() -> None:
    page = Page(render(report()))
    links = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "action")
    ]
    assert links
    assert all(link and (link.startswith("#") or link == "data:,") for link in links)
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        text = [part for around, part in page.text if around == tag][-1]
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert not [attributes for _, attributes in page.elements if "style" in attributes]


def test_it_is_in_order_for_a_reader_who_hears_it() -> None:
    page = Page(render(report()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"] for link in page.all("a")]
    assert {target[1:] for target in targets if target} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("main")) == 1
    for attributes in page.all("svg"):
        assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
    for attributes in page.all("th"):
        assert attributes.get("scope")
    for attributes in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    (search,) = page.all("input")
    assert search["id"] in [label["for"] for label in page.all("label")]


def large(text: str) -> Report:
    """As much as there may be of everything, all of it long."""
    runs = tuple(
        stage_run(DAY, f"stage-{n}", "failed", minute=n % 60, message=text * 100, rows_written={text: n})
        for n in range(900)
    )
    rows = tuple(RejectedRow(text, text, text, text) for _ in range(2))
    people = tuple(
        Person(
            f"{user}{text}",
            {"country": text},
            9,
            tuple(Work(f"{user}-{n}{text}", text, 1.0, DAY) for n in range(8)),
            tuple(Place(n, f"{user}-{n}{text}", f"{text}{n}", f"{n}{user}{text}", 0) for n in range(1, 21)),
        )
        for user in range(2_000)
    )
    rejections = tuple(Rejections(f"{n}{text}", 1, rows) for n in range(100))
    files = tuple(report().files[0].__class__(DAY, f"{n}{text}", "events", 1, 1, 0, 0) for n in range(3_000))
    return report(30, stages=runs, rejections=rejections, people=people, files=files, warehouse=text)


@pytest.mark.parametrize("text", ["a" * 500, '"' * 500, "🎬" * 500])
def test_it_stays_below_5_mb_whatever_it_is_given(text: str) -> None:
    source = render(large(text))
    assert len(source.encode()) < 5_000_000
    assert 50 < len(held(source)["users"]) < 2_000


def test_what_the_rest_of_the_page_takes_is_taken_from_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    people = tuple(person(f"user-{n}", item=f"item-{n}", title="a work " * 10) for n in range(5_000))
    whole = render(report(people=people))
    assert len(held(whole)["users"]) == 5_000
    most = len(whole.encode()) - 100_000
    monkeypatch.setattr(page, "MOST_BYTES", most)
    monkeypatch.setattr(page, "SEARCH_BYTES", len(whole.encode()))
    assert len(render(report(people=people)).encode()) <= most


def test_the_same_report_is_the_same_page() -> None:
    assert render(report()) == render(report())
