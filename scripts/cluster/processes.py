"""Processes that outlive the command that started them, known by their id and the time at which they started."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path


class DaemonProcess:
    """A process, whose file says its id and when it started: a later process that got the same id is not taken for it."""

    def __init__(self, file: Path, log: Path) -> None:
        self._file, self.log = file, log

    @property
    def pid(self) -> int | None:
        """The id of the living process, or None."""
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return known["pid"] if _start_of(known["pid"]) == known["started"] else None

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Starts the command in a session of its own. What it says goes to the end of its log."""
        with self.log.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | environment,
                cwd=self.log.parent,
                start_new_session=True,
            )
        self._file.write_text(json.dumps({"pid": child.pid, "started": _start_of(child.pid)}), encoding="utf-8")

    def stop(self, patience: float = 20) -> None:
        """Ends the process, and what it started; by force if it does not heed the request in so many seconds."""
        pid = self.pid
        if pid is not None:
            os.killpg(pid, signal.SIGTERM)
            until = time.monotonic() + patience
            while self.pid is not None and time.monotonic() < until:
                time.sleep(0.1)
            if self.pid is not None:
                os.killpg(pid, signal.SIGKILL)
        self._file.unlink(missing_ok=True)


def _start_of(pid: int) -> str | None:
    """In ticks since boot; None if there is no such process, or only what is left of one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]
