"""Copies archives to where the nodes can read them, each once: its name carries its hash, so one that is there is the same."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path


class UploadError(Exception):
    """Hadoop's own words, and what was tried."""


def upload(archives: Iterable[Path], folder: str, jars: Path) -> dict[Path, str]:
    """Where each archive lies in a folder of any file system that Hadoop knows. Says how many bytes were sent.

    jars: the folder of Spark's jars, whose Hadoop client does the work. Raises UploadError.
    """
    shell = _Shell(jars)
    shell.run("-mkdir", "-p", folder)
    there = {line.rsplit("/", 1)[-1] for line in shell.run("-ls", "-C", folder).split()}
    places = {}
    for archive in archives:
        places[archive] = f"{folder}/{archive.name}"
        size = f"{archive.stat().st_size / 1e6:,.1f} MB"
        if archive.name in there:
            print(f"package: {places[archive]} is there already, {size}", flush=True)
            continue
        draft = f"{folder}/.{archive.name}.{os.getpid()}"
        shell.run("-put", "-f", str(archive), draft)
        shell.run("-mv", draft, places[archive])
        print(f"package: {places[archive]} uploaded, {size}", flush=True)
    return places


class _Shell:
    """`hdfs dfs`, from the jars that Spark brings."""

    def __init__(self, jars: Path) -> None:
        java = Path(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else Path("java")
        path = os.pathsep.join([os.environ.get("HADOOP_CONF_DIR", ""), f"{jars}/*"])
        quiet = ["-Dlog4j2.level=error", "-XX:TieredStopAtLevel=1"]
        self._start = [str(java), "-Xmx512m", *quiet, "-cp", path, "org.apache.hadoop.fs.FsShell"]

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self._start, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            words = "\n".join(line for line in done.stderr.splitlines() if "WARN" not in line)
            raise UploadError(f"hadoop fs {' '.join(arguments)} failed: {words.strip()[-1000:]}")
        return done.stdout
