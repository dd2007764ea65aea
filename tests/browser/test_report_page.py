"""The report in Chromium: nothing leaves it, it can be used without a mouse, on a phone, in the dark and without script."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opened
from tests.report_values import DAY, everywhere, metric, person, report, stage_run
from tests.unit.report.test_page import HOSTILE

from repertoire.report.contents import Report

Open = Callable[..., Opened]

# Every element with text of its own: its colour against the first opaque colour behind it.
_CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll("details").forEach((one) => (one.open = true));
  return [...document.querySelectorAll("body *")]
    .filter((one) => !["SCRIPT", "STYLE", "TITLE", "title", "desc", "NOSCRIPT"].includes(one.tagName))
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => {
      const style = getComputedStyle(one);
      const [a, b] = [light(parse(one.closest("svg") ? style.fill : style.color)), light(behind(one))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.tagName + "." + (one.getAttribute("class") || "")];
    });
}"""


def varied() -> Report:
    """A report in which everything that the page can show is there."""
    base = report()
    worse = metric(DAY, "recommendations - popular", "mrr", -0.2)
    measured = (*base.metrics, worse, metric(DAY, "recommendations", "ndcg", 0.2, segment="country=FR"))
    refused = stage_run(DAY, "publish_recommendations", "refused", minute=30, message="the gate refused the lists")
    return report(
        metrics=measured, stages=(*base.stages, refused), later=(stage_run(DAY.replace(day=2), "x", "failed"),)
    )


def test_nothing_is_asked_for_and_nothing_is_complained_of(opened: Open) -> None:
    found = opened(varied())
    found.page.get_by_label("A person's id, or a work's id or title").fill("film")
    found.page.get_by_text("Found:").wait_for()
    found.page.get_by_role("button", name="Film 12").click()
    assert found.requests == [found.url]
    assert found.complaints == []


def test_the_search_works_with_the_keyboard_and_says_what_it_found(opened: Open) -> None:
    page = opened(report()).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0, "it comes into view"
    page.keyboard.press("Enter")
    for _ in range(150):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("document.activeElement.id") == "search-text":
            break
    assert page.evaluate("document.activeElement.id") == "search-text"
    page.keyboard.type("USER-1")
    page.keyboard.press("Enter")
    status = page.get_by_role("status")
    assert status.text_content() == "Found: 10 people, 0 works."
    assert status.get_attribute("aria-live") == "polite"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "user-10"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "search-shown"
    shown = page.locator("#search-shown")
    assert shown.get_by_role("heading", level=3).text_content() == "Person user-10"
    assert shown.get_by_role("listitem").all_text_contents() == [
        "Kind of Blue film-1",
        "film-9",
        "Film 10 film-10because of Kind of Blue",
        "Giant Steps film-3popular · popular",
    ]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "Work Film 10" in (shown.text_content() or "")
    assert "It stands in 1 list of the 31 people here:" in (shown.text_content() or "")
    assert shown.get_by_role("listitem").all_text_contents() == ["user-10 at place 1"]


def test_equal_names_come_first_and_what_nobody_has_is_said(opened: Open) -> None:
    titles = {
        "cy-2": "The Dune",
        "cy-1": "Children of Dune",
        "bob": "Dune Messiah",
        "ann": "Dune Heretics",
        "z": "Dune",
    }
    people = tuple(person(user, item=f"item-{user}", title=title) for user, title in titles.items())
    page = opened(report(people=people)).page
    text = page.get_by_role("searchbox")
    text.fill("dune")
    page.get_by_text("Found: 0 people, 5 works.").wait_for()
    assert page.locator("#search-found li").all_text_contents() == [
        "Dune item-z",
        "Dune Heretics item-ann",
        "Dune Messiah item-bob",
        "Children of Dune item-cy-1",
        "The Dune item-cy-2",
    ]
    text.fill("CY")
    page.get_by_text("Found: 2 people, 2 works.").wait_for()
    assert page.locator("#search-found li").all_text_contents()[:2] == ["cy-1", "cy-2"]
    text.fill("nobody at all")
    page.get_by_text("Nobody and nothing here has that in the name.").wait_for()
    assert page.locator("#search-found li").count() == 0
    text.fill("")
    expect(page.get_by_role("status")).to_have_text("")


@pytest.mark.parametrize("given", [varied(), everywhere("W" * 400)], ids=["usual", "long words"])
def test_a_phone_does_not_scroll_sideways(opened: Open, given: Report) -> None:
    page = opened(given, width=360).page
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("searchbox").fill("w" if page.get_by_text("W" * 60).count() else "film")
    page.locator("#search-found button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_hostile_names_do_nothing_but_stand_there(opened: Open) -> None:
    found = opened(report())
    page = found.page
    for hostile in HOSTILE:
        found.show(everywhere(hostile))
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        page.get_by_role("searchbox").fill(hostile)
        page.get_by_role("searchbox").press("Enter")
        expect(page.get_by_role("status")).to_have_text("Found: 1 person, 1 work.")
        page.locator("#search-found button").first.click()
        assert page.locator("#search-shown h3").text_content() == f"Person {hostile}"
        page.locator("#search-shown ol button").click()
        assert page.locator("#search-shown h3").text_content() == f"Work {hostile} {hostile}"
        assert page.title() == "Recommendations of 2026-03-01: live"
        assert page.locator("img, iframe, object, embed").count() == 0
    assert set(found.requests) == {found.url}
    assert found.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(opened: Open, scheme: str) -> None:
    page = opened(varied(), color_scheme=scheme).page
    page.get_by_role("searchbox").fill("film")
    page.get_by_role("button", name="Film 12").click()
    contrasts = page.evaluate(_CONTRASTS)
    assert len(contrasts) > 300
    assert [(round(ratio, 2), what) for ratio, what in contrasts if ratio < 4.5] == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]


def test_without_script_all_but_the_search_is_there(opened: Open) -> None:
    page = opened(report(), java_script_enabled=False).page
    assert page.get_by_text("The search needs JavaScript").is_visible()
    assert not page.locator("#search-text").is_visible()
    assert page.get_by_text("because of Kind of Blue").first.is_visible()
    assert page.get_by_role("img", name="nDCG@10 in the backtest").is_visible()


def test_drawings_have_their_figures_as_tables(opened: Open) -> None:
    page = opened(report()).page
    figure = page.locator("figure", has=page.get_by_role("img", name="nDCG@10 in the backtest"))
    assert not figure.get_by_role("table").is_visible()
    figure.locator("summary").focus()
    page.keyboard.press("Enter")
    assert figure.get_by_role("table").get_by_role("row").all_text_contents()[1] == (
        "2026-02-270.3000 (0.2900 to 0.3100)0.1000 (0.0900 to 0.1100)"
    )


def test_on_paper_there_is_no_navigation(opened: Open) -> None:
    page = opened(report()).page
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert page.get_by_role("heading", level=1).is_visible()
