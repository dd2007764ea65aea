"""Debian's Chromium, offline, and pages in it that tell all they do."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from repertoire.report.contents import Report
from repertoire.report.page import render

CHROMIUM = Path(os.environ.get("REPERTOIRE_CHROMIUM", "/usr/bin/chromium"))


@dataclass
class Opened:
    """A page, the file that it shows, and what it asked for and complained of since it was opened."""

    page: Page
    file: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.file.as_uri()

    def show(self, report: Report) -> None:
        self.file.write_bytes(render(report).encode())
        self.page.goto(self.url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or name one in REPERTOIRE_CHROMIUM")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root may not start it with one
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens a report as a file. options: those of a browser context, such as color_scheme."""
    contexts = []

    def open_page(report: Report, *, width: int = 1280, **options: Any) -> Opened:
        context = chromium.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        found = Opened(context.new_page(), tmp_path / f"report-{len(contexts)}.html")
        context.on("request", lambda request: found.requests.append(request.url))
        context.on("console", lambda message: found.complaints.append(message.text))
        context.on("weberror", lambda error: found.complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: (found.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        found.show(report)
        return found

    yield open_page
    for context in contexts:
        context.close()
