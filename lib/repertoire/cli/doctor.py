"""`repertoire doctor`: what is missing, and how to get it."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from repertoire.cli.options import Debug, Env, Set, Warehouse, overrides
from repertoire.errors import RepertoireError

_PACKAGES = ("pyspark", "delta-spark", "deltalake", "pyarrow", "pandas", "numpy", "pydantic")


def doctor(
    env: Env = None,
    set_: Set = None,
    warehouse: Warehouse = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="Whether this file for spark-submit will do, such as conf/spark/yarn.conf."),
    ] = None,
    pairs: Annotated[int | None, typer.Option("--pairs", help="For so many pairs of a user and an item …")] = None,
    users: Annotated[int | None, typer.Option("--users", help="… users …")] = None,
    items: Annotated[int | None, typer.Option("--items", help="… and items; those of the last ALS by default.")] = None,
    debug: Debug = False,
) -> None:
    """Check Java, Spark, the Delta jars, memory, settings, the warehouse; say what to do about what is missing."""
    given = overrides(set_, run__warehouse=warehouse)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("packages", _packages),
        ("Java", _java),
        ("Delta jars", _jars),
        ("BLAS", _blas),
        ("settings", lambda: _settings(env, given)),
        ("memory", lambda: _memory(env, given)),
        ("warehouse", lambda: _warehouse(env, given)),
        ("Spark", lambda: _spark(env, given, debug)),
    ]
    if profile:
        checks.append(("profile", lambda: _profile(env, given, profile, pairs, users, items)))
    failed = False
    for name, check in checks:
        try:
            print(f"ok    {name}: {check()}", flush=True)
        except RepertoireError as error:
            failed = True
            print(f"WRONG {name}: {error}", flush=True)
    if failed:
        sys.exit(1)


def _python() -> str:
    return f"{platform.python_version()} in {sys.prefix}"


def _packages() -> str:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise RepertoireError(f"not installed: {', '.join(missing)}. Run scripts/setup.sh.")
    return ", ".join(found)


def _java() -> str:
    from repertoire.session import use_java

    use_java()
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    advice = "Spark needs Java 17 or later: run scripts/setup.sh, or set JAVA_HOME to one."
    if not java or not Path(java).exists():
        raise RepertoireError(f"none found (JAVA_HOME is {home or 'not set'}). {advice}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if not version or int(version.group(1)) < 17:
        raise RepertoireError(f"{java} is {said.splitlines()[0] if said else 'broken'}. {advice}")
    return f"{version.group(1)} at {java}"


def _jars() -> str:
    from repertoire.session import delta_jars

    return ", ".join(jar.name for jar in delta_jars())


def _blas() -> str:
    """What MLlib's ALS computes with. It works without a native library, half as fast again with one."""
    from repertoire.session import has_native_blas

    if not has_native_blas():
        return "Java's own; a native one trains ALS in two thirds of the time: apt-get install libopenblas0-serial"
    return "native, libblas.so.3"


def _settings(env: str | None, given: list[str]) -> str:
    from repertoire.settings import load_settings

    load_settings(env=env, overrides=given)
    return f"in order{f', overlay {env}' if env else ''}"


def _memory(env: str | None, given: list[str]) -> str:
    from repertoire.candidates.als_memory import bytes_of
    from repertoire.settings import load_settings

    wanted = load_settings(env=env, overrides=given).spark.driver_memory
    try:
        heap = bytes_of(wanted) / 2**30
    except RepertoireError as error:
        raise RepertoireError(f"spark.driver_memory: {error}") from None
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if heap > 0.8 * machine:
        raise RepertoireError(
            f"spark.driver_memory is {wanted}, this machine has {machine:.1f} GiB, of which Python workers need some. "
            f"Allowed here: up to {0.8 * machine:.0f}g, such as --set spark.driver_memory={max(1, int(machine / 2))}g"
        )
    return f"{wanted} of {machine:.1f} GiB for Spark"


def _warehouse(env: str | None, given: list[str]) -> str:
    from repertoire.session import spark_conf
    from repertoire.settings import load_settings
    from repertoire.store import open_warehouse
    from repertoire.store.file_systems import refuse_unsafe_writing
    from repertoire.store.files import is_local
    from repertoire.tables import PUBLICATIONS

    settings = load_settings(env=env, overrides=given)
    path = settings.run.warehouse
    warehouse = open_warehouse(path)
    refuse_unsafe_writing(
        path,
        single_writer=settings.run.single_writer,
        spark_conf=spark_conf(settings.spark),
        settings_conf=settings.spark.conf,
    )
    if not is_local(path):
        return f"{path}, {warehouse.tables.rows(PUBLICATIONS).num_rows} publications"
    folder = Path(warehouse.root)
    if not folder.exists():
        return f"{folder}: not there yet; the first run makes it"
    if not os.access(folder, os.W_OK):
        raise RepertoireError(f"{folder} cannot be written to by this user. Change its rights or name another folder.")
    live = warehouse.tables.rows(PUBLICATIONS).num_rows
    return f"{folder}, {live} publications, {shutil.disk_usage(folder).free / 2**30:.0f} GiB free"


def _profile(
    env: str | None, given: list[str], path: Path, pairs: int | None, users: int | None, items: int | None
) -> str:
    from repertoire.cli.profile import LogSize, Profile, shortcomings
    from repertoire.settings import load_settings

    settings = load_settings(env=env, overrides=given)
    asked = {"pairs": pairs, "users": users, "items": items}
    known = {name: count for name, count in asked.items() if count is not None}
    if len(known) < len(asked):
        known = _last_als(settings.run.warehouse) | known
    size = LogSize(**known)
    wrong = shortcomings(Profile.read(path), size, settings.candidates)
    of = f"{size.pairs:,} pairs, {size.users:,} users, {size.items:,} items"
    if wrong:
        raise RepertoireError("\n      ".join([f"{path} will not do for {of}:", *wrong]))
    return f"{path} will do for {of} at rank {settings.candidates.als.rank}"


def _last_als(warehouse: str) -> dict[str, int]:
    """What the newest ALS in the warehouse was fitted on."""
    from repertoire.store import open_warehouse
    from repertoire.tables import MODELS
    from repertoire.vocabulary import ALS

    rows = open_warehouse(warehouse).tables.rows(MODELS, where=[("name", "=", ALS)]).to_pylist()
    if not rows:
        raise RepertoireError(f"{warehouse} has no model yet to take the size from: name --pairs, --users and --items")
    newest = json.loads(max(rows, key=lambda row: row["run_date"])["metadata"])
    return {name: newest[name] for name in ("pairs", "users", "items")}


def _spark(env: str | None, given: list[str], debug: bool) -> str:
    from repertoire.cli.sessions import lazy_session
    from repertoire.settings import load_settings

    settings = load_settings(env=env, overrides=given)
    with lazy_session(settings, app="repertoire doctor", debug=debug) as session:
        counted = session().range(10).count()
        if counted != 10:
            raise RepertoireError(f"counted {counted} of 10 rows")
        return f"{session().version} starts and counts"
