"""Copies archives to where the nodes can read them, each once: its name carries its hash, so one that is there is the same."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

_HADOOP = Path(__file__).parents[1] / "hadoop-fs.sh"


class UploadError(Exception):
    """Hadoop's own words, and what was tried."""


def upload(archives: Iterable[Path], folder: str) -> dict[Path, str]:
    """Where each archive lies in a folder of any file system that Hadoop knows. Says how many bytes were sent.

    Raises UploadError.
    """
    _hadoop("-mkdir", "-p", folder)
    there = {line.rsplit("/", 1)[-1] for line in _hadoop("-ls", "-C", folder).split()}
    places = {}
    for archive in archives:
        places[archive] = f"{folder}/{archive.name}"
        size = f"{archive.stat().st_size / 1e6:,.1f} MB"
        if archive.name in there:
            print(f"package: {places[archive]} is there already, {size}", flush=True)
            continue
        draft = f"{folder}/.{archive.name}.{os.getpid()}"
        _hadoop("-put", "-f", str(archive), draft)
        _hadoop("-mv", draft, places[archive])
        print(f"package: {places[archive]} uploaded, {size}", flush=True)
    return places


def _hadoop(*arguments: str) -> str:
    done = subprocess.run([str(_HADOOP), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        words = "\n".join(line for line in done.stderr.splitlines() if "WARN" not in line)
        raise UploadError(f"hadoop fs {' '.join(arguments)} failed: {words.strip()[-1000:]}")
    return done.stdout
