"""Progress on a terminal: a line a stage, and the running one with its seconds."""

import datetime as dt
import time

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from repertoire.pipeline.ledger import Entry
from repertoire.pipeline.progress import PlainProgress, Progress, describe


class TerminalProgress:
    """The running stage turns, with its seconds; finished ones stay above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def began(self, run_id: str, run_date: dt.date) -> None:
        pass

    def in_application(self, application_id: str) -> None:
        pass

    def started(self, stage: str, number: int, of: int) -> None:
        self._live = Live(_Running(f"{stage} ({number} of {of})"), console=self._console, transient=True)
        self._live.start()

    def said(self, text: str) -> None:
        self._console.print(Text(f"    {text}", style="dim"))

    def finished(self, entry: Entry, error: BaseException | None = None) -> None:
        if self._live:
            self._live.stop()
            self._live = None
        mark, style = ("✓", "green") if entry.status == "done" else ("✗", "red")
        self._console.print(Text(f"{mark} ", style=style) + Text(f"{entry.stage}: {describe(entry)}", style="default"))

    def skipped(self, stage: str) -> None:
        self._console.print(Text("✓ ", style="green") + Text(f"{stage}: done before, nothing has changed since"))


class _Running:
    """A spinner with the seconds since it was made."""

    def __init__(self, words: str) -> None:
        self._words, self._began = words, time.monotonic()
        self._spinner = Spinner("dots")

    def __rich__(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(self._spinner, f"{self._words} … {time.monotonic() - self._began:.0f} s")
        return grid


def progress_for(console: Console, log: str = "auto") -> Progress:
    """Moving lines on a terminal, plain ones elsewhere or where `run.log` asks for them."""
    return TerminalProgress(console) if console.is_terminal and log == "auto" else PlainProgress()
