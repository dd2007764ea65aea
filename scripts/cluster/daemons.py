"""The daemons: which there are, what each needs, how it is started and when it is ready."""

import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from configuration import NODE_CORES, NODE_MEMORY_MB
from layout import HOST, Layout, host_of

# Hadoop's and Jersey's reflection; what Hadoop's own scripts add on Java 17.
_OPENED = ("java.lang", "java.util", "java.io", "java.net", "java.nio", "java.util.concurrent", "java.math")
OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]

_WORKER = ("--cores", str(NODE_CORES), "--memory", f"{NODE_MEMORY_MB}m")


@dataclass(frozen=True)
class Daemon:
    """name: of the process, its log and its process file. service: what it is part of. command: after `java`.
    environment: added to ours. ready: whether it answers as it should; raises OSError while it does not."""

    name: str
    service: str
    command: tuple[str, ...]
    environment: dict[str, str]
    ready: Callable[[], bool]


SERVICES = {"hdfs": (), "yarn": ("hdfs",), "standalone": (), "history": ("hdfs",)}
"""Each service, and the services that it needs."""


def daemons(layout: Layout, conf: Path, hadoop: Path, spark: Path) -> list[Daemon]:
    """All daemons in the order in which they start.

    conf: the client's configuration; hadoop: the folder of Hadoop's jars; spark: the SPARK_HOME.
    """

    def of_hadoop(name: str, service: str, main: str, heap: int, ready: Callable[[], bool], *own: Path) -> Daemon:
        path = os.pathsep.join([*map(str, own), str(conf), f"{hadoop}/*"])
        command = (f"-Xmx{heap}m", "-XX:+UseSerialGC", *OPENS, "-cp", path, f"org.apache.hadoop.{main}")
        return Daemon(name, service, command, {"HADOOP_CONF_DIR": str(conf)}, ready)

    def of_spark(name: str, service: str, options: list[str], main: str, arguments: list[str], web: str) -> Daemon:
        path = os.pathsep.join([str(conf), f"{spark}/jars/*"])
        command = ("-Xmx512m", "-XX:+UseSerialGC", *OPENS, *options, "-cp", path, f"org.apache.spark.deploy.{main}")
        environment = {
            "SPARK_HOME": str(spark),
            "SPARK_SCALA_VERSION": "2.13",  # as Spark's own scripts say; a worker starts no executor without it
            "HADOOP_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": host_of(name),
        }
        return Daemon(name, service, command + tuple(arguments), environment, lambda: _answers(layout, web))

    def datanode_is_known(number: int) -> bool:
        state = _bean(layout, "namenode_web", "Hadoop:service=NameNode,name=FSNamesystemState")
        return int(state["NumLiveDataNodes"]) >= number

    def nodemanager_is_known(number: int) -> bool:
        state = _bean(layout, "resourcemanager_web", "Hadoop:service=ResourceManager,name=ClusterMetrics")
        return int(state["NumActiveNMs"]) >= number

    numbers = (1, 2)
    found = [
        of_hadoop(
            "namenode",
            "hdfs",
            "hdfs.server.namenode.NameNode",
            512,
            lambda: _answers(layout, "namenode_web", "/jmx?qry=x"),
        ),
        *(
            of_hadoop(
                f"datanode{number}",
                "hdfs",
                "hdfs.server.datanode.DataNode",
                384,
                lambda number=number: datanode_is_known(number),
                conf / f"datanode{number}",
            )
            for number in numbers
        ),
        of_hadoop(
            "resourcemanager",
            "yarn",
            "yarn.server.resourcemanager.ResourceManager",
            512,
            lambda: _answers(layout, "resourcemanager_web", "/ws/v1/cluster/info"),
        ),
        *(
            of_hadoop(
                f"nodemanager{number}",
                "yarn",
                "yarn.server.nodemanager.NodeManager",
                384,
                lambda number=number: nodemanager_is_known(number),
                conf / f"nodemanager{number}",
            )
            for number in numbers
        ),
        of_spark(
            "master",
            "standalone",
            [],
            "master.Master",
            ["--host", HOST, "--port", str(layout.ports["master"]), "--webui-port", str(layout.ports["master_web"])],
            "master_web",
        ),
        *(
            of_spark(
                f"worker{number}",
                "standalone",
                ["-Dspark.worker.cleanup.enabled=true"],
                "worker.Worker",
                [*_WORKER, *_worker_arguments(layout, f"worker{number}"), layout.master],
                f"worker{number}_web",
            )
            for number in numbers
        ),
        of_spark(
            "history",
            "history",
            [
                f"-Dspark.history.fs.logDirectory={layout.filesystem}/spark-logs",
                f"-Dspark.history.ui.port={layout.ports['history_web']}",
                "-Dspark.history.fs.update.interval=5s",
            ],
            "history.HistoryServer",
            [],
            "history_web",
        ),
    ]
    return found


def needed(service: str) -> set[str]:
    """The services that go up with a service: itself and what it needs; `all` is every one."""
    if service == "all":
        return set(SERVICES)
    return {service}.union(*(needed(other) for other in SERVICES[service]))


def needing(service: str) -> set[str]:
    """The services that go down with a service: itself and what needs it."""
    if service == "all":
        return set(SERVICES)
    return {other for other in SERVICES if service in needed(other)}


def _worker_arguments(layout: Layout, name: str) -> list[str]:
    web, work = str(layout.ports[f"{name}_web"]), str(layout.folder("data", name))
    return ["--host", host_of(name), "--port", str(layout.ports[name]), "--webui-port", web, "--work-dir", work]


def _answers(layout: Layout, server: str, path: str = "/") -> bool:
    with urllib.request.urlopen(f"http://{layout.at(server)}{path}", timeout=5) as reply:
        return bool(reply.status == 200)


def _bean(layout: Layout, server: str, name: str) -> dict[str, object]:
    with urllib.request.urlopen(f"http://{layout.at(server)}/jmx?qry={name}", timeout=5) as reply:
        beans = json.load(reply)["beans"]
    if not beans:
        raise OSError(f"{server} does not know {name} yet")
    return dict(beans[0])
