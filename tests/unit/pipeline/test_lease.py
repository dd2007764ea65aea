"""The lease: one of two wins, the dead are taken over, and who was taken over notices."""

import datetime as dt
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from repertoire.errors import LeaseHeldError, LeaseLostError
from repertoire.pipeline.lease import Lease
from repertoire.store.files import LocalFiles

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> dt.datetime:
        return self.now


def lease(folder: Path, owner: str, clock: Clock | None = None, wait: float = 0) -> Lease:
    return Lease(LocalFiles(), str(folder), "2026-03-01", owner, seconds=60, wait=wait, clock=clock or Clock())


def holder(folder: Path) -> Path:
    return max((folder / "2026-03-01").glob("*.json"))


def test_a_second_run_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with lease(tmp_path, "run A"), pytest.raises(LeaseHeldError, match="2026-03-01 is being worked on by run A"):
        lease(tmp_path, "run B").__enter__()


def test_it_is_free_again_after_the_first_has_ended(tmp_path: Path) -> None:
    with lease(tmp_path, "run A"):
        pass
    with lease(tmp_path, "run B") as second:
        second.check()


def test_it_is_free_again_after_the_first_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lease(tmp_path, "run A"):
        raise ZeroDivisionError
    with lease(tmp_path, "run B") as second:
        second.check()


def test_an_expired_holder_is_taken_over_and_notices(tmp_path: Path) -> None:
    clock = Clock()
    with lease(tmp_path, "run A", clock) as first:
        first.check()
        clock.now += dt.timedelta(seconds=61)
        with lease(tmp_path, "run B", clock) as second:
            with pytest.raises(LeaseLostError):
                first.check()
            second.check()


def test_a_holder_that_was_too_slow_notices_even_if_nobody_came(tmp_path: Path) -> None:
    clock = Clock()
    with lease(tmp_path, "run A", clock) as first:
        clock.now += dt.timedelta(seconds=61)
        with pytest.raises(LeaseLostError):
            first.check()


def test_a_dead_process_of_this_machine_is_taken_over_at_once(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from repertoire.pipeline.lease import Lease\n"
        "from repertoire.store.files import LocalFiles\n"
        f"Lease(LocalFiles(), {str(tmp_path)!r}, '2026-03-01', 'killed', seconds=3600).__enter__()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert json.loads(holder(tmp_path).read_text())["owner"] == "killed"
    with Lease(LocalFiles(), str(tmp_path), "2026-03-01", "next", seconds=3600) as taken:
        taken.check()


def test_a_holder_on_another_machine_counts_as_alive_until_it_expires(tmp_path: Path) -> None:
    with lease(tmp_path, "run A"):
        path = holder(tmp_path)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"host": "elsewhere", "pid": 999_999_999}))
        with pytest.raises(LeaseHeldError, match="host elsewhere"):
            lease(tmp_path, "run B").__enter__()


def test_a_waiting_run_gets_it_once_it_is_free(tmp_path: Path) -> None:
    first = lease(tmp_path, "run A")
    first.__enter__()
    threading.Timer(0.3, first.__exit__, (None, None, None)).start()
    with lease(tmp_path, "run B", wait=30) as second:
        second.check()


def test_of_many_at_once_one_wins(tmp_path: Path) -> None:
    start, won, lost = threading.Barrier(8), [], []

    def contend(number: int) -> None:
        start.wait()
        contender = lease(tmp_path, f"run {number}")
        try:
            won.append(contender.__enter__())
        except LeaseHeldError:
            lost.append(number)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    won[0].__exit__(None, None, None)


def test_the_holder_gives_signs_of_life(tmp_path: Path) -> None:
    with Lease(LocalFiles(), str(tmp_path), "2026-03-01", "A", seconds=0.3) as short:
        before = json.loads(holder(tmp_path).read_text())["expires_at"]
        threading.Event().wait(0.5)
        assert json.loads(holder(tmp_path).read_text())["expires_at"] > before
        short.check()


class Faltering(LocalFiles):
    """A file system that fails over now and then."""

    def __init__(self) -> None:
        self.failures = 0
        self.renewals = 0

    def replace(self, path: str, text: str) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the name node is in safe mode")
        self.renewals += 1
        super().replace(path, text)


def test_a_renewal_that_fails_is_tried_again(tmp_path: Path) -> None:
    files = Faltering()
    with Lease(files, str(tmp_path), "2026-03-01", "A", seconds=3) as held:
        files.failures = 1
        while not files.renewals:
            threading.Event().wait(0.1)
        held.check()


def test_a_lease_that_could_not_be_renewed_says_why(tmp_path: Path) -> None:
    files = Faltering()
    with Lease(files, str(tmp_path), "2026-03-01", "A", seconds=0.3) as held:
        files.failures = 1000
        threading.Event().wait(0.4)
        with pytest.raises(LeaseLostError, match="Renewing it failed: the name node is in safe mode"):
            held.check()
        files.failures = 0
