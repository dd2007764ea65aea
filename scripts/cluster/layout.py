"""Where the cluster's files lie, and which port each of its servers has."""

import json
import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
SECOND_HOST = "127.0.0.2"
"""Where the second node's executors are: Spark copies a slow task to another host only. Loopback as well."""
PORTS = (
    "namenode", "namenode_web", "datanode1", "datanode1_ipc", "datanode1_web", "datanode2", "datanode2_ipc",
    "datanode2_web", "resourcemanager", "resourcemanager_scheduler", "resourcemanager_tracker", "resourcemanager_admin",
    "resourcemanager_web", "nodemanager1", "nodemanager1_localizer", "nodemanager1_collector", "nodemanager1_web",
    "nodemanager2", "nodemanager2_localizer", "nodemanager2_collector", "nodemanager2_web", "master", "master_web",
    "worker1", "worker1_web", "worker2", "worker2_web", "history_web",
)  # fmt: skip


class ClusterError(Exception):
    """What the person at the keyboard has to know, in one message."""


@dataclass(frozen=True)
class Layout:
    """The folder of a cluster and its ports. Ports are chosen once, when the folder is made, and kept in it."""

    home: Path
    ports: dict[str, int]

    @classmethod
    def of(cls, home: Path) -> "Layout":
        file = home / "ports.json"
        home.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            draft = file.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(_free_ports(), indent=1), encoding="utf-8")
            draft.rename(file)
        return cls(home, json.loads(file.read_text(encoding="utf-8")))

    def at(self, server: str) -> str:
        return f"{host_of(server)}:{self.ports[server]}"

    def folder(self, *parts: str) -> Path:
        folder = self.home.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def filesystem(self) -> str:
        return f"hdfs://{self.at('namenode')}"

    @property
    def master(self) -> str:
        return f"spark://{self.at('master')}"


def host_of(server: str) -> str:
    """A name node knows its data nodes by where they call from, so both are at the first address."""
    return SECOND_HOST if server.startswith(("nodemanager2", "worker2")) else HOST


def _free_ports() -> dict[str, int]:
    """A port of its own for each server, all free now. Below those that the system hands out, so that none of them is
    taken by somebody's outgoing connection while the cluster is down."""
    found: list[int] = []
    candidate = random.randrange(18000, 28000)  # of two clusters that start at once, neither takes the other's
    while len(found) < len(PORTS):
        candidate = candidate + 1 if candidate < 32000 else 18000
        with socket.socket() as probe:
            try:
                probe.bind((HOST, candidate))
            except OSError:
                continue
            found.append(candidate)
    return dict(zip(PORTS, found, strict=True))
