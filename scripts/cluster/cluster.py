"""A cluster on this machine: HDFS, YARN, Spark standalone, the history server. See scripts/cluster.sh."""

import argparse
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from configuration import write_configuration
from daemons import SERVICES, Daemon, daemons, needed, needing
from hadoop_jars import hadoop_jars
from layout import HOST, ClusterError, Layout
from processes import DaemonProcess

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180


class Cluster:
    """The daemons of one folder."""

    def __init__(self, home: Path) -> None:
        import pyspark

        self.layout = Layout.of(home)
        self.conf = write_configuration(self.layout)
        self.spark = Path(pyspark.__file__).parent
        self._java = Path(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else Path("java")

    def up(self, service: str) -> None:
        """Starts what is not running yet, and waits until all of it answers."""
        services = needed(service)
        hadoop = hadoop_jars(ROOT / ".cluster")  # whatever folder the cluster has
        wanted = [
            daemon
            for daemon in daemons(self.layout, self.conf, hadoop, self.spark)
            if daemon.service in services and self._process(daemon).pid is None
        ]
        if any(daemon.name == "namenode" for daemon in wanted):
            self._format(hadoop)
        first = [daemon for daemon in wanted if daemon.name != "history"]  # its folder has to be made in HDFS
        for daemon in first:
            self._start(daemon)
        for daemon in first:
            self._wait(daemon)
        for daemon in wanted[len(first) :]:
            self._make_folder(hadoop, "/spark-logs")
            self._start(daemon)
            self._wait(daemon)

    def down(self, service: str) -> None:
        """Stops what this folder's cluster started, the last first."""
        unwanted = needing(service)
        for daemon in reversed(daemons(self.layout, self.conf, Path(), self.spark)):
            if daemon.service in unwanted and (process := self._process(daemon)).pid is not None:
                print(f"cluster: stopping {daemon.name} ({process.pid})", flush=True)
                process.stop()

    def status(self, service: str) -> bool:
        """Prints each daemon of a service; whether all of them are up."""
        all_up = True
        for daemon in daemons(self.layout, self.conf, Path(), self.spark):
            if service in (daemon.service, "all"):
                process = self._process(daemon)
                state = _state(daemon, process)
                all_up &= state == "up"
                where = f"pid {process.pid}" if process.pid else "-"
                print(f"{daemon.name:16} {daemon.service:11} {state:12} {where:12} {process.log}")
        return all_up

    def environment(self) -> dict[str, str]:
        """What a client of the cluster needs."""
        return {
            "HADOOP_CONF_DIR": str(self.conf),
            "SPARK_LOCAL_IP": HOST,
            "REPERTOIRE_MASTER": self.layout.master,
            "REPERTOIRE_HISTORY": f"http://{self.layout.at('history_web')}",
        }

    def _process(self, daemon: Daemon) -> DaemonProcess:
        return DaemonProcess(
            self.layout.folder("run") / f"{daemon.name}.json", self.layout.folder("logs") / f"{daemon.name}.log"
        )

    def _start(self, daemon: Daemon) -> None:
        try:
            self._process(daemon).start([str(self._java), *daemon.command], self.environment() | daemon.environment)
        except FileNotFoundError:
            raise ClusterError(f"no Java in {self._java}: run scripts/setup.sh, or set JAVA_HOME.") from None

    def _wait(self, daemon: Daemon) -> None:
        process = self._process(daemon)
        began = time.monotonic()
        while (state := _state(daemon, process)) != "up":
            if state == "down":
                raise ClusterError(
                    f"{daemon.name} ended at once. Its last words, from {process.log}:\n{_tail(process.log)}"
                )
            if time.monotonic() - began > START_SECONDS:
                process.stop()
                raise ClusterError(
                    f"{daemon.name} did not answer in {START_SECONDS} s: {process.log}\n{_tail(process.log)}"
                )
            time.sleep(0.2)
        print(f"cluster: {daemon.name} is up ({process.pid})", flush=True)

    def _format(self, hadoop: Path) -> None:
        if not (self.layout.home / "data" / "namenode" / "current").is_dir():
            self._run(hadoop, "hdfs.server.namenode.NameNode", "-format", "-nonInteractive", "-force")

    def _make_folder(self, hadoop: Path, folder: str) -> None:
        self._run(hadoop, "fs.FsShell", "-mkdir", "-p", folder)

    def _run(self, hadoop: Path, main: str, *arguments: str) -> None:
        path = f"{self.conf}{os.pathsep}{hadoop}/*"
        done = subprocess.run(
            [str(self._java), "-Xmx256m", "-cp", path, f"org.apache.hadoop.{main}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ClusterError(f"{main} {' '.join(arguments)} failed:\n{done.stdout[-2000:]}")


def _state(daemon: Daemon, process: DaemonProcess) -> str:
    if process.pid is None:
        return "down"
    try:
        return "up" if daemon.ready() else "starting"
    except (OSError, KeyError, ValueError):
        return "starting"


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/cluster.sh", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "status", "env"))
    parser.add_argument("service", nargs="?", default="all", choices=(*SERVICES, "all"))
    arguments = parser.parse_args()
    home = Path(os.environ.get("REPERTOIRE_CLUSTER") or ROOT / ".cluster").absolute()
    try:
        cluster = Cluster(home)
        if arguments.action == "env":
            for name, value in cluster.environment().items():
                print(f"export {name}='{value}'")
            return 0
        if arguments.action == "status":
            return 0 if cluster.status(arguments.service) else 1
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two at once: the second finds what the first has started
            getattr(cluster, arguments.action)(arguments.service)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
