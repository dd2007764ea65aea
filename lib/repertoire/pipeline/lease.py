"""A lease: which of two runs may write.

Numbered files in a folder. Whoever creates the next number holds the lease, and creation is exclusive, so one of two
wins. The holder rewrites its file while it lives; a holder that has not done so for its time to live, or whose process
on this machine is gone, is dead, and the next number may be taken. The highest number counts, so a run that was taken
over sees it before it commits (a fencing token: Kleppmann 2017, Designing Data-Intensive Applications, ch. 8).
"""

import datetime as dt
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from repertoire.errors import LeaseHeldError, LeaseLostError
from repertoire.store.files import Files, read_json

Clock = Callable[[], dt.datetime]

SHARED = "events, items and users"
UPKEEP = "the upkeep of the warehouse"


def of_date(run_date: dt.date) -> str:
    """The name of the lease on what is keyed by a run_date."""
    return f"run_date {run_date.isoformat()}"


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Lease(AbstractContextManager["Lease"]):
    """Exclusive right to write what `name` stands for, as a context manager.

    files, folder: where leases lie. owner: what the other run is told. seconds: time to live, renewed at a third of it.
    Raises LeaseHeldError on entry if somebody else lives and holds it; with `wait` seconds, only after waiting so long.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        name: str,
        owner: str,
        *,
        seconds: float,
        wait: float = 0,
        clock: Clock = utc_now,
    ) -> None:
        self._files, self._folder, self._name, self._owner = files, f"{folder}/{name}", name, owner
        self._seconds, self._wait, self._clock = seconds, wait, clock
        self._token = uuid.uuid4().hex
        self._number = 0
        self._trouble = ""
        self._taken_at = ""
        self._stop = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name=f"lease-{name}", daemon=True)

    def __enter__(self) -> "Lease":
        until = time.monotonic() + self._wait
        while True:
            holder = self._try()
            if holder is None:
                break
            if time.monotonic() >= until:
                raise LeaseHeldError(self._refusal(holder))
            time.sleep(min(0.5, self._seconds / 3))
        self._renewal.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._renewal.join()
        if self._is_mine():
            self._files.replace(self._file(self._number), json.dumps(self._content() | {"released": True}))

    def check(self) -> None:
        """To be called before each commit. Raises LeaseLostError if another run took over, or this one was too slow."""
        content = read_json(self._files, self._file(self._number))
        if not self._is_mine() or content is None or self._expired(content):
            raise LeaseLostError(
                f"the lease on {self._name} was lost: this run gave no sign of life for {self._seconds:g} s, and "
                f"another may have taken over. Nothing was written since. Start the run again.{self._trouble}"
            )

    def _try(self) -> dict[str, Any] | None:
        """None if the lease is ours now, else what its holder wrote."""
        highest = self._highest()
        if highest:
            holder = read_json(self._files, self._file(highest)) or {"released": True}
            if not holder.get("released") and not self._expired(holder) and not _gone(holder):
                return holder
        self._taken_at = self._clock().isoformat()
        if not self._files.create(self._file(highest + 1), json.dumps(self._content())):
            return read_json(self._files, self._file(highest + 1)) or {"owner": "another run"}
        if self._highest() != highest + 1:  # others went on while this one dawdled
            return {"owner": "another run"}
        self._number = highest + 1
        for number in range(max(1, highest - 5), highest):  # the one just below stays: it says who was taken over
            self._files.delete(self._file(number))
        return None

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / 3):
            try:
                if not self._is_mine():
                    return
                self._files.replace(self._file(self._number), json.dumps(self._content()))
            except (
                Exception
            ) as error:  # a name node that fails over: the next turn may go well; `check` has the last word
                self._trouble = f" Renewing it failed: {error}"

    def _is_mine(self) -> bool:
        if self._highest() != self._number:
            return False
        content = read_json(self._files, self._file(self._number))
        return content is not None and content["token"] == self._token

    def _highest(self) -> int:
        return _highest(self._files, self._folder)

    def _file(self, number: int) -> str:
        return _file(self._folder, number)

    def _content(self) -> dict[str, Any]:
        expires = self._clock() + dt.timedelta(seconds=self._seconds)
        return {
            "owner": self._owner,
            "token": self._token,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "pid_started": _start_of(os.getpid()),
            "taken_at": self._taken_at,
            "expires_at": expires.isoformat(),
        }

    def _expired(self, content: dict[str, Any]) -> bool:
        return _expired(content, self._clock())

    def _refusal(self, holder: dict[str, Any]) -> str:
        return (
            f"{self._name} is being worked on by {holder.get('owner')} (host {holder.get('host')}, process "
            f"{holder.get('pid')}), which last gave a sign of life that holds until {holder.get('expires_at')}. "
            "One of two runs wins, and it is that one. Wait for it, or end it, and start again."
        )


@dataclass(frozen=True)
class HeldLease:
    """A lease that somebody holds. taken_at: when; None where an older version of Repertoire took it."""

    name: str
    owner: str
    taken_at: dt.datetime | None


def held_leases(files: Files, folder: str, now: dt.datetime) -> list[HeldLease]:
    """The leases in a folder whose holders live, by name."""
    held = []
    for name in files.names(folder):
        highest = _highest(files, f"{folder}/{name}")
        holder = read_json(files, _file(f"{folder}/{name}", highest)) if highest else None
        if holder and not holder.get("released") and not _expired(holder, now) and not _gone(holder):
            taken = holder.get("taken_at")
            held.append(HeldLease(name, str(holder.get("owner")), dt.datetime.fromisoformat(taken) if taken else None))
    return held


def _highest(files: Files, folder: str) -> int:
    numbers = [int(name.split(".")[0]) for name in files.names(folder) if name.endswith(".json")]
    return max(numbers, default=0)


def _file(folder: str, number: int) -> str:
    return f"{folder}/{number:08d}.json"


def _expired(holder: dict[str, Any], now: dt.datetime) -> bool:
    return dt.datetime.fromisoformat(holder["expires_at"]) < now


def _gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no more. Of other machines nothing is known."""
    if holder.get("host") != socket.gethostname() or "pid" not in holder:
        return False
    return _start_of(holder["pid"]) != holder.get("pid_started")


def _start_of(pid: int) -> str | None:
    """When a process of this machine started, in ticks since boot: a number that a later process does not share."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]
