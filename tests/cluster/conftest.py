"""A real cluster on this machine for as long as these tests run: HDFS, YARN, Spark standalone, the history server."""

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from repertoire.store import Warehouse, open_warehouse
from tests.pipeline import conftest as pipeline
from tests.pipeline.conftest import LAST_DAY
from tests.pipeline.nightly import COMPARED, Logs, contents, run_here, settings_for
from tests.pipeline.nightly import SMALL as SMALL_JOB

ROOT = Path(__file__).resolve().parents[2]
logs = pipeline.logs
Finished = subprocess.CompletedProcess[str]

DAYS = (LAST_DAY - dt.timedelta(days=1), LAST_DAY)
NAMED_BY_PLACE = {
    "ingested_files": ("path", "content_id"),
    "rejected_events": ("source", "row_hash"),
    "events": ("source",),
}
"""Columns that say where a file lay, or how its file system sums up its bytes."""

SMALL = (
    "spark.executor.instances=2",
    "spark.dynamicAllocation.enabled=false",
    "spark.executor.cores=1",
    "spark.executor.memory=1g",
    "spark.executor.memoryOverhead=768m",
    "spark.driver.memory=1g",
    "spark.driver.memoryOverhead=768m",
    "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
    "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m",
)
"""What two cores and a few hundred users ask for."""
YARN_CLUSTER = ("--profile", "yarn", "--deploy-mode", "cluster")
_CONF = [word for text in SMALL for word in ("--conf", text)]


@dataclass(frozen=True)
class Cluster:
    """The cluster in a folder of its own, and what its clients need."""

    environment: dict[str, str]

    def run(self, script: str, *arguments: str, timeout: int = 600) -> Finished:
        """A script of scripts/, with what it says on both streams together."""
        return subprocess.run(
            [str(ROOT / "scripts" / script), *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def submit(self, job: str, *arguments: str) -> Finished:
        """scripts/submit.sh, with what SMALL asks for."""
        return self.run("submit.sh", job, *_CONF, *arguments)

    def spark_submit(self, properties: str, *arguments: str) -> Finished:
        """spark-submit as a person types it in the project's folder with .venv activated."""
        active = {"PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            ["spark-submit", "--properties-file", properties, *_CONF, *arguments],
            cwd=ROOT,
            env=os.environ | self.environment | active,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )

    def hadoop(self, *arguments: str) -> str:
        """`hadoop fs`."""
        script = str(ROOT / "scripts" / "hadoop-fs.sh")
        environment = os.environ | self.environment
        return subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = {"REPERTOIRE_CLUSTER": str(tmp_path_factory.mktemp("cluster"))}
    bare = Cluster(home)
    try:
        up = bare.run("cluster.sh", "up")
        assert up.returncode == 0, up.stdout
        told = bare.run("cluster.sh", "env").stdout
        exports = [
            line.removeprefix("export ").split("=", 1) for line in told.splitlines() if line.startswith("export")
        ]
        yield Cluster(home | {name: value.strip("'") for name, value in exports})
    finally:
        bare.run("cluster.sh", "down")


@pytest.fixture(scope="session")
def hdfs(cluster: Cluster) -> str:
    """hdfs://HOST:PORT"""
    site = Path(cluster.environment["HADOOP_CONF_DIR"], "core-site.xml").read_text(encoding="utf-8")
    return site.split("<name>fs.defaultFS</name><value>", 1)[1].split("<", 1)[0]


@pytest.fixture(scope="session")
def local(logs: Logs, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Both dates in local mode."""
    settings = settings_for(logs, tmp_path_factory.mktemp("local") / "warehouse")
    for day in DAYS:
        warehouse = run_here(spark, settings, day)
    return warehouse


@pytest.fixture(scope="session")
def shop(cluster: Cluster, hdfs: str, logs: Logs) -> list[str]:
    """The same logs on HDFS: the settings that name them."""
    cluster.hadoop("-mkdir", "-p", f"{hdfs}/shop")
    cluster.hadoop("-put", str(logs.events), str(logs.items), str(logs.users), f"{hdfs}/shop")
    named = {"events": logs.events, "items": logs.items, "users": logs.users}
    own = [f"ingest.{kind}={hdfs}/shop/{path.name}" for kind, path in named.items()]
    return own + [text for text in SMALL_JOB if not text.startswith("spark.")] + ["spark.shuffle_partitions=2"]


def job_of(day: dt.date, shop: list[str], warehouse: str) -> list[str]:
    given = [word for text in (*shop, f"run.warehouse={warehouse}") for word in ("--set", text)]
    return ["--run-date", day.isoformat(), "--env", "cluster", *given]


def as_local(warehouse: str, local: Warehouse) -> Warehouse:
    """A warehouse on HDFS, all of whose tables were found to be those of local mode."""
    there = open_warehouse(warehouse)
    for table in COMPARED:
        left_out = NAMED_BY_PLACE.get(table.name, ())
        assert contents(there, table, *left_out) == contents(local, table, *left_out), table.name
    return there
