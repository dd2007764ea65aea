"""scripts/cluster.sh: real daemons, each a process on loopback with a log, started and stopped by nobody else."""

import json
import os
import re
import urllib.request
from pathlib import Path

from tests.cluster.conftest import Cluster

DAEMONS = {
    "namenode", "datanode1", "datanode2", "resourcemanager", "nodemanager1", "nodemanager2", "master", "worker1", "worker2",
    "history",
}  # fmt: skip


def processes(cluster: Cluster) -> dict[str, int]:
    """The ids of the daemons that are up, by name."""
    lines = cluster.run("cluster.sh", "status").stdout.splitlines()
    found = (re.match(r"(\w+) +\w+ +up +pid (\d+)", line) for line in lines)
    return {match.group(1): int(match.group(2)) for match in found if match}


def listening(pid: int) -> set[str]:
    """The addresses at which a process listens, as the kernel writes them."""
    sockets = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd") if entry.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text(encoding="utf-8").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].rsplit(":", 1)[0])
    return found


def test_each_daemon_is_a_process_of_its_own_on_loopback_with_a_log(cluster: Cluster) -> None:
    up = processes(cluster)
    assert set(up) == DAEMONS
    assert len(set(up.values())) == len(DAEMONS)
    mapped = "0000000000000000FFFF0000"
    loopback = {"0100007F", "0200007F", f"{mapped}0100007F", f"{mapped}0200007F", "00000000000000000000000001000000"}
    for name, pid in up.items():
        assert listening(pid), name
        assert listening(pid) <= loopback, name
        assert Path(cluster.environment["REPERTOIRE_CLUSTER"], "logs", f"{name}.log").stat().st_size


def test_a_second_up_starts_nothing(cluster: Cluster) -> None:
    before = processes(cluster)
    again = cluster.run("cluster.sh", "up", "all")
    assert (again.returncode, processes(cluster)) == (0, before)


def test_standalone_goes_down_and_up_again_and_nothing_else_does(cluster: Cluster) -> None:
    before = processes(cluster)
    down = cluster.run("cluster.sh", "down", "standalone")
    assert down.returncode == 0, down.stdout
    assert set(processes(cluster)) == DAEMONS - {"master", "worker1", "worker2"}
    assert cluster.run("cluster.sh", "status", "standalone").returncode == 1
    up = cluster.run("cluster.sh", "up", "standalone")
    assert up.returncode == 0, up.stdout
    after = processes(cluster)
    assert set(after) == DAEMONS
    assert {name for name in DAEMONS if after[name] != before[name]} == {"master", "worker1", "worker2"}


def test_blocks_lie_on_both_data_nodes(cluster: Cluster, hdfs: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a block", encoding="utf-8")
    cluster.hadoop("-put", str(file), f"{hdfs}/file")
    assert cluster.hadoop("-stat", "%r", f"{hdfs}/file").strip() == "2"
    assert cluster.hadoop("-cat", f"{hdfs}/file") == "a block"


def test_the_history_server_answers(cluster: Cluster) -> None:
    with urllib.request.urlopen(f"{cluster.environment['REPERTOIRE_HISTORY']}/api/v1/applications") as reply:
        assert isinstance(json.load(reply), list)
