"""A real cluster on this machine for as long as these tests run: HDFS, YARN, Spark standalone, the history server."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Finished = subprocess.CompletedProcess[str]

SMALL = (
    "spark.executor.instances=2",
    "spark.dynamicAllocation.enabled=false",
    "spark.executor.cores=1",
    "spark.executor.memory=1g",
    "spark.executor.memoryOverhead=768m",
    "spark.driver.memory=1g",
    "spark.driver.memoryOverhead=768m",
    "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1",
    "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1",
)
"""What two cores and a few hundred users ask for."""
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
        import pyspark

        path = f"{self.environment['HADOOP_CONF_DIR']}{os.pathsep}{Path(pyspark.__file__).parent}/jars/*"
        java = Path(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else Path("java")
        command = [str(java), "-cp", path, "org.apache.hadoop.fs.FsShell", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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
