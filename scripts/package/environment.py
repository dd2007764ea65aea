"""The packages that a job needs beside Spark's own, as a relocatable environment for nodes that have only a Python."""

import hashlib
import importlib.metadata as metadata
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from archives import named_by_hash
from packaging.requirements import Requirement

_FROM_SPARK = {"pyspark", "py4j"}
"""Comes to the nodes with Spark itself, and is left out."""
_NOT_RUN = ("*/tests/*", "*/test/*", "*/include/*", "*.pyi", "*/pip/*", "*/setuptools/*", "*.a")


def environment(root: Path, dist: Path) -> Path:
    """`environment-HASH.tar.gz` in `dist`, made by venv-pack; that of before if requirements.lock asks for nothing else.

    It has no interpreter: bin/python is a link to the Python of .venv, which the nodes must have at the same place.
    """
    wanted = runtime_requirements(root / "requirements.lock")
    python = Path(sys.executable).resolve()
    recipe = "\n".join([*wanted, str(python), Path(__file__).read_text(encoding="utf-8")])
    key = dist / f".environment-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    link = dist / "environment.tar.gz"
    if key.is_file() and link.resolve().name == key.read_text(encoding="utf-8") and link.exists():
        return link.resolve()
    print(f"package: making an environment of {len(wanted)} packages for the nodes", flush=True)
    with tempfile.TemporaryDirectory(dir=dist) as scratch:
        made = Path(scratch, "environment")
        subprocess.run([str(python), "-m", "venv", str(made)], check=True)
        listed = Path(scratch, "requirements")
        listed.write_text("\n".join(wanted), encoding="utf-8")
        quiet = ["-q", "--no-input", "--disable-pip-version-check"]
        pip = [str(made / "bin" / "python"), "-m", "pip", "install", *quiet, "--no-deps", "-r", str(listed)]
        subprocess.run(pip, check=True, env=_without_pythonpath())
        draft = Path(scratch, "environment.tar.gz")
        excluded = [text for pattern in _NOT_RUN for text in ("--exclude", pattern)]
        pack = [sys.executable, "-m", "venv_pack", "-q", "-p", str(made), "-o", str(draft), "--compress-level", "4"]
        subprocess.run([*pack, *excluded], check=True)
        place = named_by_hash(draft, dist, "environment", ".tar.gz")
    for old in dist.glob(".environment-*"):
        old.unlink()
    key.write_text(place.name, encoding="utf-8")
    return place


def runtime_requirements(lock: Path) -> list[str]:
    """The lines of the lock that running a job needs: what `repertoire` requires, and what that requires in turn."""
    pinned = {_name(line.split("==")[0]): line for line in lock.read_text(encoding="utf-8").split() if "==" in line}
    found: set[str] = set()
    waiting = ["repertoire"]
    while waiting:
        for text in metadata.requires(waiting.pop()) or ():
            requirement = Requirement(text)
            name = _name(requirement.name)
            if name in found | _FROM_SPARK or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            found.add(name)
            waiting.append(name)
    return sorted(pinned[name] for name in found)


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _without_pythonpath() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
