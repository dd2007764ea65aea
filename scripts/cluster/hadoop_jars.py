"""The jars of Hadoop's daemons: fetched once from Maven Central into one folder."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from layout import ClusterError

_POM = Path(__file__).with_name("pom.xml")
_COPY = "dependency:copy-dependencies"


def hadoop_jars(home: Path) -> Path:
    """The folder of the jars below `home`; fetches them there if need be. Raises ClusterError without Maven."""
    folder = home / f"hadoop-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"
    if not folder.is_dir():
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn") or _install_maven()
    version = re.search(r"hadoop-minicluster</artifactId>\s*<version>([^<]+)", _POM.read_text(encoding="utf-8"))
    print(f"cluster: fetching Hadoop {version.group(1) if version else ''} (115 MB, once)", flush=True)
    draft = folder.with_suffix(f".{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", _POM, _COPY, "-DincludeScope=runtime", f"-DoutputDirectory={draft}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"Maven could not fetch Hadoop's jars:\n{done.stdout[-2000:]}")
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another `up` was quicker
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _install_maven() -> str:
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print("cluster: installing maven", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run([apt, "update", "-qq"], check=False, **quiet)
        subprocess.run([apt, "install", "-y", "-qq", "--no-install-recommends", "maven"], check=False, **quiet)
        if maven := shutil.which("mvn"):
            return maven
    raise ClusterError("Maven is needed to fetch Hadoop's jars: sudo apt-get install -y maven, then try again.")
